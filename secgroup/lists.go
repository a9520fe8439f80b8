package secgroup

import (
	"iter"
	"slices"
)

// Accounts returns all accounts, sorted by id.
func (s *Snapshot) Accounts() []*Account {
	return objects(s.accounts, func(a *accountNode) *Account { return a.object })
}

// Networks returns all networks, sorted by id.
func (s *Snapshot) Networks() []*Network {
	return objects(s.networks, func(n *networkNode) *Network { return n.object })
}

// NICs returns all NICs, sorted by id.
func (s *Snapshot) NICs() []*NIC {
	return objects(s.nics, func(n *nicNode) *NIC { return n.object })
}

// NICsOfAccount returns the account's NICs, sorted by id.
func (s *Snapshot) NICsOfAccount(account string) []*NIC {
	if a := s.accounts.get(account); a != nil {
		return values(a.nics)
	}
	return nil
}

// NICsOfAccountAfter yields the account's NICs whose ids are behind one, sorted by id.
func (s *Snapshot) NICsOfAccountAfter(account, id string) iter.Seq[*NIC] {
	if a := s.accounts.get(account); a != nil {
		return after(a.nics, id, func(n *NIC) *NIC { return n })
	}
	return func(func(*NIC) bool) {}
}

// NICsOfNetwork returns the network's NICs, sorted by id.
func (s *Snapshot) NICsOfNetwork(id string) []*NIC {
	if n := s.networks.get(id); n != nil {
		return values(n.nics)
	}
	return nil
}

// NICsOfInstance returns the instance's NICs, sorted by id.
func (s *Snapshot) NICsOfInstance(r InstanceRef) []*NIC {
	if i := s.instance(r); i != nil {
		return slices.Clone(i.nics)
	}
	return nil
}

// MemberNICs returns the NICs that g judges, sorted by id: also those that it
// judges as their account's default group.
func (s *Snapshot) MemberNICs(g GroupRef) []*NIC {
	if node := s.group(g); node != nil && !s.isClosed(g) {
		return values(node.members)
	}
	return nil
}

// EachMemberNIC yields MemberNICs.
func (s *Snapshot) EachMemberNIC(g GroupRef) iter.Seq[*NIC] {
	return func(yield func(*NIC) bool) {
		if node := s.group(g); node != nil && !s.isClosed(g) {
			for _, n := range node.members.all() {
				if !yield(n) {
					return
				}
			}
		}
	}
}

// after yields the objects of nodes that have one, in order, from behind a key on.
func after[N, O any](nodes tree[string, N], key string, object func(N) *O) iter.Seq[*O] {
	return func(yield func(*O) bool) {
		for k, n := range nodes.from(key) {
			if o := object(n); o != nil && k != key && !yield(o) {
				return
			}
		}
	}
}

// objects are those of nodes that have one, in order.
func objects[N, O any](nodes tree[string, N], object func(N) *O) []*O {
	all := make([]*O, 0, nodes.len())
	for _, n := range nodes.all() {
		if o := object(n); o != nil {
			all = append(all, o)
		}
	}
	return all
}

func values[V any](t tree[string, V]) []V {
	all := make([]V, 0, t.len())
	for _, v := range t.all() {
		all = append(all, v)
	}
	return all
}

// Groups returns the account's groups, sorted by id.
func (s *Snapshot) Groups(account string) []*Group {
	if a := s.accounts.get(account); a != nil {
		return objects(a.groups, func(g *groupNode) *Group { return g.object })
	}
	return nil
}

// GroupsAfter yields the account's groups whose ids are behind one, sorted by id.
func (s *Snapshot) GroupsAfter(account, id string) iter.Seq[*Group] {
	if a := s.accounts.get(account); a != nil {
		return after(a.groups, id, func(g *groupNode) *Group { return g.object })
	}
	return func(func(*Group) bool) {}
}

// SharedWith returns the groups of others that the account may use, sorted.
func (s *Snapshot) SharedWith(account string) []*Group {
	a := s.accounts.get(account)
	if a == nil {
		return nil
	}
	all := make([]*Group, 0, a.shared.len())
	for _, r := range a.shared.all() {
		all = append(all, s.Group(r))
	}
	return all
}

// Instances returns the account's instances, sorted by id.
func (s *Snapshot) Instances(account string) []*Instance {
	if a := s.accounts.get(account); a != nil {
		return objects(a.instances, func(i *instanceNode) *Instance { return i.object })
	}
	return nil
}

// InstancesAfter yields the account's instances whose ids are behind one, sorted by id.
func (s *Snapshot) InstancesAfter(account, id string) iter.Seq[*Instance] {
	if a := s.accounts.get(account); a != nil {
		return after(a.instances, id, func(i *instanceNode) *Instance { return i.object })
	}
	return func(func(*Instance) bool) {}
}
