package realization

import (
	"maps"
	"slices"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Concern is an impact seen in a view that has the change. A group may judge
// tens of thousands of NICs, so that it is asked of the NICs that are plugged
// somewhere, and never lists all of them.
type Concern struct {
	impact.Impact
	View *plan.View
}

// Hosts returns the hosts that must apply the change: those where a concerned NIC
// is plugged. Each end of a connection judges for itself, so that nobody else has
// to do with it.
func (c *Concern) Hosts(all []store.HostStatus) []string {
	out := []string{}
	for _, h := range all {
		if slices.ContainsFunc(h.NICs, func(at store.HostNIC) bool { return c.Concerns(c.View, at.ID) }) {
			out = append(out, h.Host)
		}
	}
	return out
}

// Plugged returns the routing domains of the NICs that hosts have.
func Plugged(v *plan.View, hosts []store.HostStatus) map[string]bool {
	domains := map[string]bool{}
	for _, h := range hosts {
		for _, at := range h.NICs {
			if n := v.NIC(at.ID); n != nil && v.Domain(n) != "" {
				domains[v.Domain(n)] = true
			}
		}
	}
	return domains
}

// Domains returns those of some routing domains in which concerned NICs are, or
// from which something is lost.
func (c *Concern) Domains(of map[string]bool) map[string]bool {
	found := map[string]bool{}
	see := func(d string) bool {
		if of[d] {
			found[d] = true
		}
		return len(found) < len(of)
	}
	for p := range c.Loss.Ends {
		see(p.Domain)
	}
	c.Each(func(n *secgroup.NIC) bool { return see(c.View.Domain(n)) })
	return found
}

// Each calls f with the concerned NICs that exist until it returns false, with
// some of them more than once.
func (c *Concern) Each(f func(*secgroup.NIC) bool) {
	if c.All {
		for _, n := range c.View.NICs() {
			if !f(n) {
				return
			}
		}
		return
	}
	for _, id := range slices.Sorted(maps.Keys(c.NICs)) {
		if n := c.View.NIC(id); n != nil && !f(n) {
			return
		}
	}
	for _, g := range slices.SortedFunc(maps.Keys(c.Groups), secgroup.GroupRef.Compare) {
		for _, n := range c.View.MemberNICs(g) {
			if !f(n) {
				return
			}
		}
	}
}
