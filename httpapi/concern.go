package httpapi

import (
	"maps"
	"slices"

	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// concern is an impact worked out against the policy: the NICs it is about and
// the routing domains in which connections are judged again.
type concern struct {
	impact  plan.Impact
	nics    []string // sorted
	domains map[string]struct{}
}

// work out whom an impact concerns in a view that has the change. NICs that
// left a group with the change are in the impact by themselves.
func concernOf(v *plan.View, i plan.Impact) concern {
	c := concern{impact: i, domains: maps.Clone(i.Domains)}
	if c.domains == nil {
		c.domains = map[string]struct{}{}
	}
	ids := map[string]struct{}{}
	maps.Copy(ids, i.NICs)
	add := func(nics []*secgroup.NIC) {
		for _, n := range nics {
			ids[n.ID] = struct{}{}
			if i.TakesAway {
				c.domains[v.Domain(n)] = struct{}{}
			}
		}
	}
	if i.All {
		add(v.NICs())
	}
	for g := range i.Groups {
		add(v.MemberNICs(g))
	}
	delete(c.domains, "")
	c.nics = slices.Sorted(maps.Keys(ids))
	return c
}

// has reports whether the concern includes a NIC.
func (c *concern) has(id string) bool {
	_, found := slices.BinarySearch(c.nics, id)
	return found
}

// hosts returns the hosts that must apply the change: where a concerned NIC is
// plugged, and if the change takes something away, where any NIC of the same
// routing domains is, since open connections are judged again there.
func (c *concern) hosts(v *plan.View, all []store.HostStatus) []string {
	out := []string{}
	for _, h := range all {
		if slices.ContainsFunc(h.NICs, func(n store.HostNIC) bool { return c.has(n.ID) || c.sweeps(v, n.ID) }) {
			out = append(out, h.Host)
		}
	}
	return out
}

func (c *concern) sweeps(v *plan.View, nic string) bool {
	if !c.impact.TakesAway || len(c.domains) == 0 {
		return false
	}
	n := v.NIC(nic)
	if n == nil {
		return false
	}
	_, yes := c.domains[v.Domain(n)]
	return yes
}

// maxEffectNICs bounds the NICs listed in one answer.
const maxEffectNICs = 1000

type effectsJSON struct {
	NICs                   []string `json:"nics"`
	NICsTotal              int      `json:"nics_total"` // all of them, listed or not
	Hosts                  []string `json:"hosts"`
	EgressBecameOpen       []string `json:"egress_became_open"`
	EgressBecameRestricted []string `json:"egress_became_restricted"`
	InertRules             []string `json:"inert_rules"`
}

func showEffects(e plan.Effects, c concern, hosts []string) *effectsJSON {
	out := &effectsJSON{
		NICs: list(c.nics[:min(len(c.nics), maxEffectNICs)]), NICsTotal: len(c.nics), Hosts: hosts,
		EgressBecameOpen: list(e.EgressBecameOpen), EgressBecameRestricted: list(e.EgressBecameRestricted),
		InertRules: []string{},
	}
	for _, r := range e.InertRules {
		out.InertRules = append(out.InertRules, r.ID)
	}
	return out
}
