package effect

import (
	"iter"
	"maps"
	"slices"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
)

// MostNICs bounds the NICs listed in one answer.
const MostNICs = 1000

// showNICs lists the first of the concerned NICs that are to be seen, those that are gone
// too, sorted; and says whether there are more than are listed. Of groups with many members
// it looks at few more than it lists.
func showNICs(c *realization.Concern, sees Visible, most int) (ids []string, more bool) {
	first := firstIDs{most: most + 1}
	first.add(slices.Values(slices.DeleteFunc(slices.Sorted(maps.Keys(c.NICs)), func(id string) bool { return !sees.NIC(id) })))
	for nics := range c.Sorted() {
		first.add(func(yield func(string) bool) {
			for n := range nics {
				if (sees.Account == "" || n.Account == sees.Account) && !yield(n.ID) {
					return
				}
			}
		})
	}
	return strictjson.Array(first.ids[:min(len(first.ids), most)]), len(first.ids) > most
}

// firstIDs are the first of several lists of ids, sorted.
type firstIDs struct {
	ids  []string
	most int
}

// add adds a list that is sorted, of which it reads no more than may be among the first.
func (f *firstIDs) add(list iter.Seq[string]) {
	all, had := make([]string, 0, len(f.ids)), f.ids
	for id := range list {
		for len(had) > 0 && had[0] < id {
			all, had = append(all, had[0]), had[1:]
		}
		if len(all) >= f.most {
			break
		}
		if len(had) == 0 || had[0] != id {
			all = append(all, id)
		}
	}
	all = append(all, had...)
	f.ids = all[:min(len(all), f.most)]
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

// Show shows what is to be seen of effects, of NICs no more than most. hosts are the
// concerned ones.
func Show(e plan.Effects, c *realization.Concern, hosts []string, sees Visible, b realization.Board, most int) *Effects {
	out := &Effects{
		Hosts: sees.Hosts(hosts, b), EgressBecameOpen: sees.NICs(e.EgressBecameOpen), EgressBecameRestricted: sees.NICs(e.EgressBecameRestricted),
		InertRules: []string{},
	}
	out.NICs, out.NICsMore = showNICs(c, sees, most)
	for _, r := range e.InertRules {
		if sees.Account == "" || r.Group.Account == sees.Account {
			out.InertRules = append(out.InertRules, r.ID)
		}
	}
	return out
}
