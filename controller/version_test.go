package controller

import (
	"errors"
	"slices"
	"testing"

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
	rev := r.write(p.noRule("web", "r1"), secgroup.Put(nic(4)))
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
