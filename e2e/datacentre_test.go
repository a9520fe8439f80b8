package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/stack"
)

// hosts are those of every data centre here.
var hosts = []string{"h1", "h2"}

// buildDir holds what this run has built; TestMain removes it.
func buildDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("ringfence-e2e-%d", os.Getpid()))
}

// racedProgram has the race detector watch the program under test, also where it
// does not watch the tests: most of what they do is to send and to record packets.
var racedProgram = flag.Bool("raced", raced, "build the program under test with the race detector")

// binary is the program, built at most once for all tests of a run.
var binary = sync.OnceValues(func() (string, error) {
	return stack.Program(filepath.Join(buildDir(), "ringfence"), *racedProgram)
})

// datacentre is a lab with Ringfence running in it.
type datacentre struct {
	lab   *lab.Lab
	stack *stack.Stack
	vlans atomic.Uint32
}

// newDatacentre starts one that ends with the test. Its controllers get the
// flags.
func newDatacentre(t *testing.T, flags ...string) *datacentre {
	t.Helper()
	return newRelayedDatacentre(t, *relayed, flags...)
}

// relayed has the hosts of all tests here go through relays.
var relayed = flag.Int("relays", 0, "have hosts go through so many relays, and not to etcd")

// newRelayedDatacentre starts one whose hosts go through some relays.
func newRelayedDatacentre(t *testing.T, relays int, flags ...string) *datacentre {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t, hosts...)
	ctx, cancel := context.WithTimeout(t.Context(), 3*longest)
	defer cancel()
	var all []stack.Host
	for _, h := range hosts {
		all = append(all, stack.Host{Name: h, OVSDB: l.Host(h).DBAddr(), Bridge: lab.Bridge, Uplink: lab.Uplink, Flags: flags})
	}
	s, err := stack.Start(ctx, path, relays, all...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			drops, err := l.DropsSince(context.Background(), time.Time{}) // the test's context has ended
			t.Logf("packets that the lab lost: %d (%v)", drops, err)
			t.Log(s.Logs())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	dc := &datacentre{lab: l, stack: s}
	dc.vlans.Store(100)
	return dc
}

// vlan gives out a VLAN that no network has yet.
func (dc *datacentre) vlan() uint16 { return uint16(dc.vlans.Add(1)) }

// eventually tries until there is no error or the time is over, more and more rarely,
// so as to leave the processor to what is waited for.
func eventually(t *testing.T, within time.Duration, try func() error) {
	t.Helper()
	pause := 10 * time.Millisecond
	for deadline := time.Now().Add(within); ; time.Sleep(pause) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %v", within, err)
		}
		pause = min(pause*5/4, 50*time.Millisecond)
	}
}
