package effect

import (
	"cmp"
	"maps"
	"slices"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// maxEffectNICs bounds the NICs listed in one answer.
const maxEffectNICs = 1000

// showNICs lists the concerned NICs that are to be seen, those that are gone too,
// sorted; and says whether there are more than are listed.
func showNICs(c *realization.Concern, sees Visible) (ids []string, more bool) {
	seen := make(map[string]struct{}, len(c.NICs))
	for id := range c.NICs {
		if sees.NIC(id) {
			seen[id] = struct{}{}
		}
	}
	c.Each(func(n *secgroup.NIC) bool {
		if sees.Account == "" || n.Account == sees.Account {
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

// Effects are what a change does, as far as it is to be seen.
type Effects struct {
	NICs                   []string `json:"nics"`
	NICsMore               bool     `json:"nics_more"` // than are listed
	Hosts                  []string `json:"hosts"`
	EgressBecameOpen       []string `json:"egress_became_open"`
	EgressBecameRestricted []string `json:"egress_became_restricted"`
	InertRules             []string `json:"inert_rules"`
}

// Show shows what is to be seen of effects. hosts are the concerned ones.
func Show(e plan.Effects, c *realization.Concern, hosts []string, sees Visible, b realization.Board) *Effects {
	out := &Effects{
		Hosts: sees.Hosts(hosts, b), EgressBecameOpen: sees.NICs(e.EgressBecameOpen), EgressBecameRestricted: sees.NICs(e.EgressBecameRestricted),
		InertRules: []string{},
	}
	out.NICs, out.NICsMore = showNICs(c, sees)
	for _, r := range e.InertRules {
		if sees.Account == "" || r.Group.Account == sees.Account {
			out.InertRules = append(out.InertRules, r.ID)
		}
	}
	return out
}
