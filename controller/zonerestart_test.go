package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

// TestZonesOutliveRestarts: whoever is restarted, a NIC keeps its conntrack
// zone and the limit of its connections, and these are in it as long as the
// switch has them.
func TestZonesOutliveRestarts(t *testing.T) {
	r, _ := settled(t)
	// Zones that nobody would give out who began anew: the first is free.
	rev := r.write(secgroup.Put(small.NIC(4)), secgroup.Put(small.Attach("web", "a4")))
	r.plug(4)
	r.applied(rev, "a4")
	r.ovs.Vsctl("del-port", bridge, "p1")
	r.status("a1 is gone", func(h store.HostStatus) bool { return !isReady(h, "a1") })

	nics := []int{2, 3, 4}
	zones := func() (out []string) {
		for _, n := range nics {
			out = append(out, r.zone(n))
		}
		return out
	}
	before := zones()
	conn := tcp(2, 4, 80)
	var ends []string
	for _, kept := range []string{before[0], before[2]} {
		zone, _, _ := strings.Cut(strings.Trim(kept, `"`), "/")
		ends = append(ends, zone)
	}
	inPlace := func(what string) {
		t.Helper()
		if now := zones(); !slices.Equal(now, before) {
			t.Errorf("%s: zones %v, were %v", what, now, before)
		}
		var in []string
		for _, c := range r.entries(conn) {
			in = append(in, fmt.Sprint(c.Zone))
		}
		if slices.Sort(in); !slices.Equal(in, ends) {
			t.Errorf("%s: the connection is in zones %v, expected %v", what, in, ends)
		}
		r.limited(what, ends)
	}
	r.open(conn)
	inPlace("at first")

	restart := func(what string, during func()) {
		t.Helper()
		started := r.applied(rev).Started
		r.stop()
		during()
		r.start()
		r.status(what, func(h store.HostStatus) bool {
			return h.Started.After(started) && h.Applied >= rev && isReady(h, "a2") && isReady(h, "a3") && isReady(h, "a4")
		})
	}
	restart("the controller is restarted", func() {})
	inPlace("after the controller, with the connection alive")

	r.restartVswitchd()
	r.applied(rev, "a2", "a3", "a4")
	r.open(conn) // the userspace datapath has forgotten it
	inPlace("after the switch")

	restart("both are restarted", func() {
		r.ovs.KillVswitchd()
		r.ovs.StartVswitchd()
	})
	r.open(conn)
	inPlace("after both")
}

// limited checks that the switch limits the connections in zones.
func (r *rig) limited(what string, zones []string) {
	r.t.Helper()
	r.promptly(what+": connections are limited", func() string {
		limits, err := r.ctl.ForDatapath(unixctl.DatapathName("dummy")).GetLimits(r.t.Context())
		if err != nil {
			return err.Error()
		}
		for _, zone := range zones {
			if !slices.ContainsFunc(limits.Zones, func(z unixctl.ZoneLimit) bool {
				return fmt.Sprint(z.Zone) == zone && z.Limit == nicConnections && z.Count > 0
			}) {
				return fmt.Sprintf("zone %s: %+v", zone, limits.Zones)
			}
		}
		return ""
	})
}
