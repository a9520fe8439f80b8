package controller

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

func TestUnfitVersions(t *testing.T) {
	t.Parallel()
	for v, ok := range map[unixctl.Version]bool{
		{Major: 2, Minor: 5, Patch: 9}: false, {Major: 2, Minor: 16, Patch: 99}: false,
		{Major: 2, Minor: 17, Patch: 5}: false, {Major: 2, Minor: 17, Patch: 6}: true, {Major: 2, Minor: 17, Patch: 12}: true,
		{Major: 3, Minor: 0, Patch: 0}: false, {Major: 3, Minor: 0, Patch: 3}: false, {Major: 3, Minor: 0, Patch: 4}: true,
		{Major: 3, Minor: 1, Patch: 0}: true, {Major: 3, Minor: 5, Patch: 1}: true, {Major: 4}: true,
	} {
		err := unfit(v)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), v.String()) {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func TestMisplacingVersions(t *testing.T) {
	t.Parallel()
	for v, does := range map[unixctl.Version]bool{
		{Major: 2, Minor: 17, Patch: 7}: true, {Major: 2, Minor: 17, Patch: 8}: false,
		{Major: 3, Minor: 0, Patch: 4}: true, {Major: 3, Minor: 0, Patch: 5}: false,
		{Major: 3, Minor: 1, Patch: 0}: true, {Major: 3, Minor: 1, Patch: 3}: false,
		{Major: 3, Minor: 2}: false, {Major: 3, Minor: 5, Patch: 1}: false, {Major: 4}: false,
	} {
		if misplaces(v, "netdev@ovs-netdev") != does || misplaces(v, "dummy@ovs-dummy") != does || misplaces(v, "system@ovs-system") {
			t.Errorf("%v", v)
		}
	}
}

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
