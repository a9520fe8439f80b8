package controller

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

// TestUnfitSwitchIsLeftAlone: nothing is installed in it or taken away, and the
// status says why.
func TestUnfitSwitchIsLeftAlone(t *testing.T) {
	r, p := settled(t)
	flows := r.flows()
	r.stop()
	r.unfit = func(unixctl.Version) error { return errors.New("too old") }
	r.start()
	rev := r.write(p.NoRule("web", "r1"), secgroup.Put(small.NIC(4)))
	h := r.status("the status says why", func(h store.HostStatus) bool { return len(h.Errors) > 0 })
	if h.Applied != 0 || h.Connected || isReady(h, "a1") || !slices.Equal(h.Errors, []string{"ovs-vswitchd: too old"}) {
		t.Errorf("status %+v", h)
	}
	if wrong := same(r.flows(), flows); wrong != "" {
		t.Error(wrong)
	}
	t.Log("another version takes over when the switch comes back with it")
	r.stop()
	r.unfit = nil
	r.start()
	r.applied(rev, "a1")
}

// plugBook is a share's source that writes down what it is told of plugs.
type plugBook struct {
	share.Source
	mu   sync.Mutex
	nics map[string]bool
}

func (b *plugBook) Plug(nics map[string]bool, all bool) {
	b.mu.Lock()
	if b.nics == nil || all {
		b.nics = map[string]bool{}
	}
	for nic, is := range nics {
		if delete(b.nics, nic); is {
			b.nics[nic] = true
		}
	}
	b.mu.Unlock()
	b.Source.Plug(nics, all)
}

// TestPlugsAreToldWithoutASwitch: the source of a host's share hears which NICs are plugged
// also while the switch cannot be used, or nobody would know of the host.
func TestPlugsAreToldWithoutASwitch(t *testing.T) {
	r := newRig(t)
	r.unfit = func(unixctl.Version) error { return errors.New("too old") }
	book := &plugBook{}
	r.source = func(from share.Source) share.Source { book.Source = from; return book }
	told := func(want ...string) {
		t.Helper()
		r.eventually(patience, "which NICs are plugged", func() string {
			book.mu.Lock()
			defer book.mu.Unlock()
			if got := slices.Sorted(maps.Keys(book.nics)); !slices.Equal(got, want) || book.nics == nil {
				return fmt.Sprintf("told of %q, want %q", got, want)
			}
			return ""
		})
	}
	r.start()
	told()
	r.plug(1)
	r.plug(2)
	told("a1", "a2")
	r.ovs.Vsctl("del-port", bridge, "p1")
	told("a2")
}
