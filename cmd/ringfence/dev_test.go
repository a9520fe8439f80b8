package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/devstate"
	"github.com/ringfence/ringfence/internal/ovsproc"
)

// devRun is a running "ringfence dev" with a private Open vSwitch, in network
// and mount namespaces of its own: no system Open vSwitch shows there. Its API
// is a unix socket, which reaches out of the namespace.
type devRun struct {
	t     *testing.T
	dir   string // state directory
	cmd   *exec.Cmd
	ended chan error
	out   *lockedBuffer
	api   *client.Client
}

func startDev(t *testing.T, dir string) *devRun {
	t.Helper()
	d := &devRun{t: t, dir: dir, ended: make(chan error, 1), out: &lockedBuffer{}}
	if out, err := exec.Command("unshare", "--net", "--mount", "true").CombinedOutput(); err != nil {
		t.Fatalf("no namespaces for it (it takes root, and a root directory that is a mount: bind that of a chroot onto itself before you enter it): %v\n%s", err, out)
	}
	script := `mount -t tmpfs tmpfs /run && ip link set lo up && exec "$0" dev --state-dir "$1" --listen "unix:$1/api.sock" --host h1`
	d.cmd = exec.Command("unshare", "--net", "--mount", "sh", "-c", script, ringfenceProgram(t), dir)
	d.cmd.Env = append(os.Environ(), "RINGFENCE_STATE_DIR="+dir+"-usual")
	d.cmd.Stdout, d.cmd.Stderr = d.out, d.out
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.ended <- d.cmd.Wait() }()
	t.Cleanup(func() { d.cmd.Process.Kill() })
	d.eventually("the API to see the host", func(ctx context.Context) bool {
		token, err := os.ReadFile(devstate.Dir(dir).TokenFile())
		if err != nil {
			return false
		}
		if d.api, err = client.New("unix:"+filepath.Join(dir, "api.sock"), strings.TrimSpace(string(token))); err != nil {
			t.Fatal(err)
		}
		hosts, err := client.Collect(d.api.Hosts(ctx))
		return err == nil && len(hosts) == 1 && hosts[0].Alive && hosts[0].Connected
	})
	t.Cleanup(d.api.Close)
	return d
}

// ringfenceProgram is this test binary under the name of the command.
func ringfenceProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "ringfence")
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	return link
}

func (d *devRun) eventually(what string, done func(context.Context) bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 2*time.Minute)
	defer cancel()
	for !done(ctx) {
		select {
		case err := <-d.ended:
			d.t.Fatalf("waiting for %s: it ended: %v\n%s", what, err, d.out)
		case <-ctx.Done():
			d.t.Fatalf("waited in vain for %s\n%s", what, d.out)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// end sends a signal and waits for the end of the process and of its switch.
func (d *devRun) end(sig os.Signal) error {
	d.t.Helper()
	pids := d.switchPIDs()
	if len(pids) != 2 {
		d.t.Errorf("%d processes of Open vSwitch, want 2", len(pids))
	}
	if err := d.cmd.Process.Signal(sig); err != nil {
		d.t.Fatal(err)
	}
	var err error
	select {
	case err = <-d.ended:
	case <-time.After(time.Minute):
		d.t.Fatalf("still running a minute after %v\n%s", sig, d.out)
	}
	deadline := time.Now().Add(time.Minute)
	for _, pid := range pids {
		for ; processLives(pid); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				d.t.Fatalf("process %s of the switch is still there", pid)
			}
		}
	}
	return err
}

// switchPIDs are the processes of the private Open vSwitch.
func (d *devRun) switchPIDs() []string {
	files, err := filepath.Glob(filepath.Join(devstate.Dir(d.dir).OVSDir(), "run", "*.pid"))
	if err != nil {
		d.t.Fatal(err)
	}
	var pids []string
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && processLives(strings.TrimSpace(string(b))) {
			pids = append(pids, strings.TrimSpace(string(b)))
		}
	}
	return pids
}

func processLives(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !bytes.Contains(b, []byte(") Z "))
}

// plug adds an interface for a NIC to the bridge.
func (d *devRun) plug(nic string) {
	d.t.Helper()
	db := "unix:" + filepath.Join(devstate.Dir(d.dir).OVSDir(), "run", "db.sock")
	plugged := ovsproc.NewChange().AddPort("br-int", ovsproc.Port{Name: "vm0", Type: "internal", ExternalIDs: map[string]string{"iface-id": nic}})
	if err := plugged.Commit(d.t.Context(), db); err != nil {
		d.t.Fatal(err)
	}
}

func (d *devRun) nicReady(ctx context.Context) bool {
	n, err := d.api.NIC(ctx, "acme", "nic-1")
	return err == nil && n.Ready && n.Host == "h1"
}

func TestDevFromStartToRestart(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "rf") // short: unix sockets have 107 bytes of path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir); os.RemoveAll(dir + "-usual") })
	d := startDev(t, dir)
	d.eventually("the welcome", func(context.Context) bool { return strings.Contains(d.out.String(), "Stop it with") })
	for _, want := range []string{
		`(?m)^Ringfence is running on host h1\.$`,
		`(?m)^  token +` + regexp.QuoteMeta(dir) + `/admin\.token \(admin\)$`,
		`(?m)^  switch +bridge br-int, private Open vSwitch, userspace datapath`,
		`(?m)^  try +curl --unix-socket ` + regexp.QuoteMeta(dir) + `/api\.sock -H "Authorization: Bearer \$\(cat .*\)" http://ringfence/v1/hosts$`,
	} {
		if !regexp.MustCompile(want).MatchString(d.out.String()) {
			t.Errorf("no %s in\n%s", want, d.out)
		}
	}

	ctx := t.Context()
	if _, err := d.api.PutNetwork(ctx, "net-1", client.NetworkSpec{Type: "flat", Prefixes: []string{"10.0.0.0/24"}}); err != nil {
		t.Fatal(err)
	}
	nic := client.NICSpec{Account: "acme", Network: "net-1", MAC: "02:00:00:00:00:05", Addresses: []string{"10.0.0.5"}}
	if _, err := d.api.PutNIC(ctx, "nic-1", nic); err != nil {
		t.Fatal(err)
	}
	d.plug("nic-1")
	d.eventually("the NIC to be ready", d.nicReady)

	// A client finds it where it says that it is, without being told.
	find := exec.Command(ringfenceProgram(t), "whoami")
	find.Env = append(os.Environ(), "RINGFENCE_STATE_DIR="+dir+"-usual")
	if out, err := find.CombinedOutput(); err != nil || !strings.Contains(string(out), "admin of all accounts") {
		t.Errorf("a client that is told nothing: %v %s", err, out)
	}

	var stderr bytes.Buffer
	second := exec.Command(ringfenceProgram(t), "dev", "--state-dir", dir)
	second.Stderr = &stderr
	if err := second.Run(); err == nil || !strings.Contains(stderr.String(), "another ringfence dev uses "+dir) {
		t.Errorf("a second one on the same directory: %v: %s", err, &stderr)
	}

	if err := d.end(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, d.out)
	}
	if strings.Contains(d.out.String(), "level=ERROR") {
		t.Errorf("errors in the log:\n%s", d.out)
	}
	if _, err := os.Stat(devstate.Dir(dir).URLFile()); !os.IsNotExist(err) {
		t.Errorf("the URL of an API that is gone: %v", err)
	}

	// The policy and the switch's database are there again, and so is the NIC.
	d = startDev(t, dir)
	d.plug("nic-1")
	d.eventually("the NIC to be ready again", d.nicReady)
	// What of its switch ends by itself is started again, and has its flows.
	before := d.switchPIDs()
	for _, pid := range before {
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	d.eventually("the switch to be there again, with flows", func(ctx context.Context) bool {
		now := d.switchPIDs()
		if len(now) != 2 || slices.ContainsFunc(now, func(pid string) bool { return slices.Contains(before, pid) }) {
			return false
		}
		socket := "unix:" + filepath.Join(devstate.Dir(dir).OVSDir(), "run", "br-int.mgmt")
		out, err := exec.CommandContext(ctx, "ovs-ofctl", "--protocols=OpenFlow15", "dump-flows", socket).CombinedOutput()
		return err == nil && strings.Count(string(out), "cookie=0x5247") > 20
	})
	d.eventually("the NIC to be ready on the new switch", d.nicReady)
	for _, process := range []string{"ovsdb-server", "ovs-vswitchd"} {
		if want := "is started again; open connections begin anew\" process=" + process; !strings.Contains(d.out.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, d.out)
		}
	}
	// Killed, it takes its switch along.
	if err := d.end(syscall.SIGKILL); err == nil {
		t.Error("killed, but it ended well")
	}
}

func TestDevSaysThatAPathIsTooLong(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 80))
	var stderr bytes.Buffer
	cmd := exec.Command(ringfenceProgram(t), "dev", "--state-dir", dir)
	cmd.Stderr = &stderr
	if err := cmd.Run(); err == nil || !strings.Contains(stderr.String(), "--state-dir: the path of a unix socket has at most 107 bytes") {
		t.Errorf("%v: %s", err, &stderr)
	}
}

// lockedBuffer is a buffer that a process fills while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
