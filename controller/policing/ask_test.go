package policing_test

import (
	"maps"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/ringfence/ringfence/controller/policing"
	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/ovsdb"
)

// The kernel is asked in the network namespace of the process, and answers that a device
// which nobody polices is held to no limit.
func TestKernelIsAskedInANamespace(t *testing.T) {
	t.Parallel()
	ns, err := netns.New("policed")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ns.Close() }()
	if err := ns.IP("tuntap add tap0 mode tap"); err != nil {
		t.Fatal(err)
	}
	tap, err := netns.Open(ns, func() (*net.Interface, error) { return net.InterfaceByName("tap0") })
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	if err := os.Mkdir(filepath.Join(elsewhere, "ns"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(ns.Path(), filepath.Join(elsewhere, "ns/net")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		process string
		device  uint32
	}{{"/proc/self", 1}, {elsewhere, uint32(tap.Index)}} {
		kernel := policing.Kernel{Process: func() (string, error) { return c.process, nil }}
		held, err := kernel.Polices([]uint32{c.device}, ovsdb.Policing{Rate: 20, Burst: 16})
		if want := map[uint32]bool{c.device: false}; err != nil || !maps.Equal(held, want) {
			t.Errorf("in the namespace of %s device %d is held %v, %v, want %v", c.process, c.device, held, err, want)
		}
	}
	nobody := policing.Kernel{Process: func() (string, error) { return t.TempDir(), nil }}
	if held, err := nobody.Polices([]uint32{1}, ovsdb.Policing{Rate: 20}); err == nil {
		t.Errorf("of a process that is not there: %v, and no error", held)
	}
}
