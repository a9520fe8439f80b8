package main

import (
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/ovstest"
)

// The unit runs the controller as root without a capability, as setpriv does
// here: that is enough for a bridge, its lock, flows and reports.
func TestControllerNeedsNoCapability(t *testing.T) {
	t.Parallel()
	ovs := ovstest.Start(t, ovstest.Options{})
	ovs.AddBridge("br-int")
	systemd := listenAsSystemd(t)
	controller := startProgram(t, []string{"NOTIFY_SOCKET=" + systemd.path, "WATCHDOG_USEC=300000"},
		"setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
		ringfenceProgram(t), "controller", "--etcd", startEtcd(t), "--ovsdb", ovs.DBAddr, "--host", "h1")
	systemd.hears(t, "READY=1")
	systemd.hears(t, `STATUS=.*, 0 NICs, store well`)
	systemd.hears(t, "WATCHDOG=1")
	if flows := ovs.Ofctl("dump-flows", "br-int"); !strings.Contains(flows, " table=97,") {
		t.Errorf("it has put no flows in:\n%s", flows)
	}
	controller.stop(t)
	systemd.hears(t, "STOPPING=1")
}

// systemdSocket is what systemd listens at.
type systemdSocket struct {
	path string
	told chan string
}

func listenAsSystemd(t *testing.T) *systemdSocket {
	t.Helper()
	s := &systemdSocket{filepath.Join(t.TempDir(), "notify"), make(chan string, 10000)}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for buffer := make([]byte, 4096); ; {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			s.told <- string(buffer[:n])
		}
	}()
	t.Cleanup(func() { conn.Close() })
	return s
}

// hears waits until it is told something like that; what comes before is passed
// over.
func (s *systemdSocket) hears(t *testing.T, want string) {
	t.Helper()
	pattern := regexp.MustCompile("^" + want)
	for deadline := time.After(time.Minute); ; {
		select {
		case got := <-s.told:
			if pattern.MatchString(got) {
				return
			}
		case <-deadline:
			t.Fatalf("systemd is not told %q", want)
		}
	}
}
