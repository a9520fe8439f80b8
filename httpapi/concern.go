package httpapi

import (
	"cmp"
	"maps"
	"slices"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// concern is an impact seen in a view that has the change. A group may judge
// tens of thousands of NICs, so that it is asked of the NICs that are plugged
// somewhere, and never lists all of them.
type concern struct {
	impact.Impact
	v *plan.View
}

// hosts returns the hosts that must apply the change: those where a concerned NIC
// is plugged. Each end of a connection judges for itself, so that nobody else has
// to do with it.
func (c *concern) hosts(all []store.HostStatus) []string {
	out := []string{}
	for _, h := range all {
		if slices.ContainsFunc(h.NICs, func(at store.HostNIC) bool { return c.Concerns(c.v, at.ID) }) {
			out = append(out, h.Host)
		}
	}
	return out
}

// plugged returns the routing domains of the NICs that hosts have.
func plugged(v *plan.View, hosts []store.HostStatus) map[string]bool {
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

// domains returns those of some routing domains in which concerned NICs are, or
// from which something is lost.
func (c *concern) domains(of map[string]bool) map[string]bool {
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
	c.each(func(n *secgroup.NIC) bool { return see(c.v.Domain(n)) })
	return found
}

// each calls f with the concerned NICs that exist until it returns false, with
// some of them more than once.
func (c *concern) each(f func(*secgroup.NIC) bool) {
	if c.All {
		for _, n := range c.v.NICs() {
			if !f(n) {
				return
			}
		}
		return
	}
	for _, id := range slices.Sorted(maps.Keys(c.NICs)) {
		if n := c.v.NIC(id); n != nil && !f(n) {
			return
		}
	}
	for _, g := range slices.SortedFunc(maps.Keys(c.Groups), secgroup.GroupRef.Compare) {
		for _, n := range c.v.MemberNICs(g) {
			if !f(n) {
				return
			}
		}
	}
}

// maxEffectNICs bounds the NICs listed in one answer.
const maxEffectNICs = 1000

// nics lists the concerned NICs that are to be seen, those that are gone too,
// sorted; and says whether there are more than are listed.
func (c *concern) nics(sees visible) (ids []string, more bool) {
	seen := make(map[string]struct{}, len(c.NICs))
	for id := range c.NICs {
		if sees.nic(id) {
			seen[id] = struct{}{}
		}
	}
	c.each(func(n *secgroup.NIC) bool {
		if sees.account == "" || n.Account == sees.account {
			seen[n.ID] = struct{}{}
		}
		return len(seen) <= maxEffectNICs
	})
	ids = slices.SortedFunc(maps.Keys(seen), cmp.Compare[string])
	if len(ids) > maxEffectNICs {
		return ids[:maxEffectNICs], true
	}
	return list(ids), false
}

type effectsJSON struct {
	NICs                   []string `json:"nics"`
	NICsMore               bool     `json:"nics_more"` // than are listed
	Hosts                  []string `json:"hosts"`
	EgressBecameOpen       []string `json:"egress_became_open"`
	EgressBecameRestricted []string `json:"egress_became_restricted"`
	InertRules             []string `json:"inert_rules"`
}

// showEffects shows what is to be seen of effects. hosts are the concerned ones.
func showEffects(e plan.Effects, c *concern, hosts []string, sees visible, all []store.HostStatus) *effectsJSON {
	out := &effectsJSON{
		Hosts: sees.hosts(hosts, all), EgressBecameOpen: sees.nics(e.EgressBecameOpen), EgressBecameRestricted: sees.nics(e.EgressBecameRestricted),
		InertRules: []string{},
	}
	out.NICs, out.NICsMore = c.nics(sees)
	for _, r := range e.InertRules {
		if sees.account == "" || r.Group.Account == sees.account {
			out.InertRules = append(out.InertRules, r.ID)
		}
	}
	return out
}
