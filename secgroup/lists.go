package secgroup

import "slices"

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
