package ovsproc

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ovs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// startDummy starts a switch with the dummy datapath for the time of the test, and
// returns it with a context for what is asked of it.
func startDummy(t *testing.T) (context.Context, *Proc) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	p, err := Start(ctx, Config{Dir: shortDir(t), PrivateNetns: true, Dummy: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return ctx, p
}

func TestDatabaseIsUsedAgain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cfg := Config{Dir: shortDir(t), PrivateNetns: true, Dummy: true}
	for run, want := range []string{"", "br-int\n"} {
		p, err := Start(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Vsctl(ctx, "list-br"); err != nil || got != want {
			t.Errorf("run %d: bridges %q, %v", run, got, err)
		}
		if _, err := p.Vsctl(ctx, "--may-exist", "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=dummy"); err != nil {
			t.Error(err)
		}
		if err := p.StartVswitchd(ctx); err == nil {
			t.Error("a second ovs-vswitchd was started")
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if p.VswitchdPID() != 0 || p.Ctl() != "" {
			t.Errorf("stopped, but pid %d, control socket %q", p.VswitchdPID(), p.Ctl())
		}
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir := shortDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "broken", "db"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "broken", "db", "conf.db"), []byte("rubbish"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"a long directory":  {Config{Dir: filepath.Join(dir, strings.Repeat("x", 100))}, "too long"},
		"two namespaces":    {Config{Dir: dir, Netns: "/run/netns/x", PrivateNetns: true}, "exclude each other"},
		"no schema":         {Config{Dir: filepath.Join(dir, "a"), Schema: "/nonexistent"}, "/nonexistent"},
		"a broken database": {Config{Dir: filepath.Join(dir, "broken")}, "ovsdb-server"},
		"no such namespace": {Config{Dir: filepath.Join(dir, "b"), Netns: "/run/netns/not-there"}, "not-there"},
	} {
		p, err := Start(ctx, c.cfg)
		if err == nil {
			_ = p.Stop()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHelperProcess is no test of its own: TestDiesWithItsParent runs it.
func TestHelperProcess(t *testing.T) {
	dir := os.Getenv("OVSPROC_TEST_DIR")
	if dir == "" {
		return
	}
	p, err := Start(context.Background(), Config{Dir: dir, PrivateNetns: true, Dummy: true})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("pids %d %d\n", p.ovsdb.pid(), p.vswitchd.pid())
	select {}
}

func TestDiesWithItsParent(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestHelperProcess$")
	cmd.Env = append(os.Environ(), "OVSPROC_TEST_DIR="+shortDir(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids [2]int
	for lines := bufio.NewScanner(out); pids[1] == 0 && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "pids %d %d", &pids[0], &pids[1])
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if pids[1] == 0 {
		t.Fatal("the helper did not start Open vSwitch")
	}
	for _, pid := range pids {
		for end := time.Now().Add(time.Minute); alive(pid); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("process %d outlived its parent", pid)
			}
		}
	}
}

// alive is false for a process that is gone or waits to be reaped.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// A switch that was started just now is asked what it does not know yet.
func TestAppctlRightAfterAStart(t *testing.T) {
	t.Parallel()
	ctx, p := startDummy(t)
	if err := p.Commit(ctx, NewChange().AddBridge(Bridge{Name: "br-int", Datapath: "dummy"})); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := p.KillVswitchd(); err != nil {
			t.Fatal(err)
		}
		if err := p.StartVswitchd(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Appctl(ctx, "ofproto/list"); err != nil {
			t.Error(err)
		}
	}
}
