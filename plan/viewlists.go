package plan

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
)

// listed lays the changed objects of one type over those of the base, which
// are sorted; keep says which belong to the list.
func listed[T any, P interface {
	*T
	secgroup.Object
}](v *View, base []P, keep func(P) bool) []P {
	if len(v.over) == 0 {
		return base
	}
	all := slices.DeleteFunc(base, func(p P) bool {
		_, ok := v.over[p.Key()]
		return ok
	})
	var changed []P
	for _, o := range v.over {
		if p, ok := o.(P); ok && keep(p) {
			changed = append(changed, p)
		}
	}
	return merged(all, changed)
}

// merged puts the objects of b, in no order, between those of a, which are
// sorted. What there are many of is not sorted again: b has what changed.
func merged[P secgroup.Object](a, b []P) []P {
	if len(b) == 0 {
		return a
	}
	compare := func(a, b P) int {
		x, y := a.Key(), b.Key()
		return cmp.Or(strings.Compare(x.Account, y.Account), strings.Compare(x.ID, y.ID))
	}
	slices.SortFunc(b, compare)
	all := make([]P, 0, len(a)+len(b))
	for _, p := range b {
		at, _ := slices.BinarySearchFunc(a, p, compare)
		all = append(append(all, a[:at]...), p)
		a = a[at:]
	}
	return append(all, a...)
}

// listedAfter is listed for a page of a list, sorted by id: base are the objects behind an id, and
// it is as much work as there are changes and what is taken of it.
func listedAfter[T any, P interface {
	*T
	secgroup.Object
}](v *View, base iter.Seq[P], id string, keep func(P) bool) iter.Seq[P] {
	if len(v.over) == 0 {
		return base
	}
	var changed []P
	for k, o := range v.over {
		if p, ok := o.(P); ok && k.ID > id && keep(p) {
			changed = append(changed, p)
		}
	}
	slices.SortFunc(changed, func(a, b P) int { return strings.Compare(a.Key().ID, b.Key().ID) })
	return func(yield func(P) bool) {
		rest := changed
		for p := range base {
			for ; len(rest) > 0 && rest[0].Key().ID <= p.Key().ID; rest = rest[1:] {
				if !yield(rest[0]) {
					return
				}
			}
			if _, other := v.over[p.Key()]; !other && !yield(p) {
				return
			}
		}
		for _, p := range rest {
			if !yield(p) {
				return
			}
		}
	}
}

// NICsOfAccountAfter yields the account's NICs whose ids are behind one, sorted by id.
func (v *View) NICsOfAccountAfter(account, id string) iter.Seq[*secgroup.NIC] {
	return listedAfter(v, v.base.NICsOfAccountAfter(account, id), id, func(n *secgroup.NIC) bool { return n.Account == account })
}

// GroupsAfter yields the account's groups whose ids are behind one, sorted by id.
func (v *View) GroupsAfter(account, id string) iter.Seq[*secgroup.Group] {
	return listedAfter(v, v.base.GroupsAfter(account, id), id, func(g *secgroup.Group) bool { return g.Account == account })
}

// InstancesAfter yields the account's instances whose ids are behind one, sorted by id.
func (v *View) InstancesAfter(account, id string) iter.Seq[*secgroup.Instance] {
	return listedAfter(v, v.base.InstancesAfter(account, id), id, func(i *secgroup.Instance) bool { return i.Account == account })
}

// Accounts returns all accounts, sorted by id.
func (v *View) Accounts() []*secgroup.Account {
	return listed(v, v.base.Accounts(), func(*secgroup.Account) bool { return true })
}

// Networks returns all networks, sorted by id.
func (v *View) Networks() []*secgroup.Network {
	return listed(v, v.base.Networks(), func(*secgroup.Network) bool { return true })
}

// NICs returns all NICs, sorted by id.
func (v *View) NICs() []*secgroup.NIC {
	return listed(v, v.base.NICs(), func(*secgroup.NIC) bool { return true })
}

// NICsOfAccount returns the account's NICs, sorted by id.
func (v *View) NICsOfAccount(account string) []*secgroup.NIC {
	return listed(v, v.base.NICsOfAccount(account), func(n *secgroup.NIC) bool { return n.Account == account })
}

// NICsOfNetwork returns the network's NICs, sorted by id.
func (v *View) NICsOfNetwork(id string) []*secgroup.NIC {
	return listed(v, v.base.NICsOfNetwork(id), func(n *secgroup.NIC) bool { return n.Network == id })
}

// NICsOfInstance returns the instance's NICs, sorted by id.
func (v *View) NICsOfInstance(r secgroup.InstanceRef) []*secgroup.NIC {
	return listed(v, v.base.NICsOfInstance(r), func(n *secgroup.NIC) bool {
		return n.Account == r.Account && n.Instance == r.ID
	})
}

// NICsByMAC returns the NICs that have an Ethernet address, in whatever segment,
// sorted by id.
func (v *View) NICsByMAC(m secgroup.MAC) []*secgroup.NIC {
	return listed(v, v.base.NICsByMAC(m), func(n *secgroup.NIC) bool { return n.MAC == m })
}

// Groups returns the account's groups, sorted by id.
func (v *View) Groups(account string) []*secgroup.Group {
	return listed(v, v.base.Groups(account), func(g *secgroup.Group) bool { return g.Account == account })
}

// SharedWith returns the groups of others that the account may use, sorted.
func (v *View) SharedWith(account string) []*secgroup.Group {
	return listed(v, v.base.SharedWith(account), func(g *secgroup.Group) bool { return len(g.Share(account).Uses()) > 0 })
}

// Instances returns the account's instances, sorted by id.
func (v *View) Instances(account string) []*secgroup.Instance {
	return listed(v, v.base.Instances(account), func(i *secgroup.Instance) bool { return i.Account == account })
}

// RulesReferencing returns the rules whose remote group is r, sorted. They
// include the group's own.
func (v *View) RulesReferencing(r secgroup.GroupRef) []secgroup.RuleRef {
	base := v.base.RulesReferencing(r)
	if len(v.over) == 0 {
		return base
	}
	all := slices.DeleteFunc(base, func(ref secgroup.RuleRef) bool {
		_, ok := v.over[secgroup.GroupKey(ref.Group)]
		return ok
	})
	for _, o := range v.over {
		g, ok := o.(*secgroup.Group)
		if !ok {
			continue
		}
		for i := range g.Rules {
			if g.Rules[i].RemoteGroup == r {
				all = append(all, secgroup.RuleRef{Group: g.GroupRef, ID: g.Rules[i].ID})
			}
		}
	}
	slices.SortFunc(all, secgroup.RuleRef.Compare)
	return all
}
