package httpapi

import (
	"cmp"
	"maps"
	"slices"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// maxEffectNICs bounds the NICs listed in one answer.
const maxEffectNICs = 1000

// showNICs lists the concerned NICs that are to be seen, those that are gone too,
// sorted; and says whether there are more than are listed.
func showNICs(c *realization.Concern, sees visible) (ids []string, more bool) {
	seen := make(map[string]struct{}, len(c.NICs))
	for id := range c.NICs {
		if sees.nic(id) {
			seen[id] = struct{}{}
		}
	}
	c.Each(func(n *secgroup.NIC) bool {
		if sees.account == "" || n.Account == sees.account {
			seen[n.ID] = struct{}{}
		}
		return len(seen) <= maxEffectNICs
	})
	ids = slices.SortedFunc(maps.Keys(seen), cmp.Compare[string])
	if len(ids) > maxEffectNICs {
		return ids[:maxEffectNICs], true
	}
	return strictjson.Array(ids), false
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
func showEffects(e plan.Effects, c *realization.Concern, hosts []string, sees visible, all []store.HostStatus) *effectsJSON {
	out := &effectsJSON{
		Hosts: sees.hosts(hosts, all), EgressBecameOpen: sees.nics(e.EgressBecameOpen), EgressBecameRestricted: sees.nics(e.EgressBecameRestricted),
		InertRules: []string{},
	}
	out.NICs, out.NICsMore = showNICs(c, sees)
	for _, r := range e.InertRules {
		if sees.account == "" || r.Group.Account == sees.account {
			out.InertRules = append(out.InertRules, r.ID)
		}
	}
	return out
}
