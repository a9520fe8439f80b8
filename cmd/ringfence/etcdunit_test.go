package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The command of the backup's unit makes a snapshot that can be read again, and
// keeps as many as it should; one that fails takes away none.
func TestBackupUnitSaves(t *testing.T) {
	t.Parallel()
	unit, err := os.ReadFile("../../deploy/systemd/ringfence-etcd-backup.service")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^ExecStart=/bin/sh -euc '(.*)'$`).FindSubmatch(unit)
	if m == nil {
		t.Fatal("the unit has no command of a shell")
	}
	script := strings.NewReplacer("$$", "$", "%%", "%").Replace(string(m[1])) // as systemd.service(5) has it
	dir := t.TempDir()
	for day := range 4 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("2020010%dT000000Z.db", day+1)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save := func(endpoints, patience string) error {
		cmd := exec.Command("/bin/sh", "-euc", script)
		cmd.Env = append(os.Environ(), "ETCDCTL_API=3", "STATE_DIRECTORY="+dir, "KEEP=3", "ETCDCTL_ENDPOINTS="+endpoints, "ETCDCTL_DIAL_TIMEOUT=1s", "ETCDCTL_COMMAND_TIMEOUT="+patience)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	saved := func() (names []string) {
		files, err := filepath.Glob(filepath.Join(dir, "*Z.db"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, filepath.Base(f))
		}
		return names
	}
	if err := save("127.0.0.1:1", "1s"); err == nil || len(saved()) != 4 {
		t.Errorf("without an etcd: %v, %v", err, saved())
	}
	endpoint := startEtcd(t)
	if err := save(endpoint, "60s"); err != nil {
		t.Fatal(err)
	}
	now := saved()
	if len(now) != 3 || now[0] != "20200103T000000Z.db" || now[1] != "20200104T000000Z.db" {
		t.Fatalf("kept are %v", now)
	}
	if out, err := exec.Command("sh", "-c", `ETCDCTL_API=3 "$(command -v etcdutl || echo etcdctl)" snapshot status "$0"`, filepath.Join(dir, now[2])).CombinedOutput(); err != nil {
		t.Errorf("%s: %v %s", now[2], err, out)
	}

	// A member that has lost the others may have missed what they agreed on since:
	// what it has is no backup.
	etcdctl := exec.Command("etcdctl", "--endpoints="+endpoint, "member", "add", "away", "--peer-urls=http://127.0.0.1:1")
	etcdctl.Env = append(os.Environ(), "ETCDCTL_API=3")
	if out, err := etcdctl.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := save(endpoint, "1s"); err == nil || !slices.Equal(saved(), now) {
		t.Errorf("of a member without a majority: %v, kept are %v", err, saved())
	}
}
