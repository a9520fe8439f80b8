package secgroup

import "slices"

// Accounts returns all accounts, sorted by id.
func (s *Snapshot) Accounts() []*Account {
	all := make([]*Account, 0, s.accounts.len())
	for _, a := range s.accounts.all() {
		if a.object != nil {
			all = append(all, a.object)
		}
	}
	return all
}

// Networks returns all networks, sorted by id.
func (s *Snapshot) Networks() []*Network {
	all := make([]*Network, 0, s.networks.len())
	for _, n := range s.networks.all() {
		if n.object != nil {
			all = append(all, n.object)
		}
	}
	return all
}

// NICs returns all NICs, sorted by id.
func (s *Snapshot) NICs() []*NIC {
	all := make([]*NIC, 0, s.nics.len())
	for _, n := range s.nics.all() {
		if n.object != nil {
			all = append(all, n.object)
		}
	}
	return all
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

func values[V any](t tree[string, V]) []V {
	all := make([]V, 0, t.len())
	for _, v := range t.all() {
		all = append(all, v)
	}
	return all
}

// Groups returns the account's groups, sorted by id.
func (s *Snapshot) Groups(account string) []*Group {
	a := s.accounts.get(account)
	if a == nil {
		return nil
	}
	all := make([]*Group, 0, a.groups.len())
	for _, g := range a.groups.all() {
		if g.object != nil {
			all = append(all, g.object)
		}
	}
	return all
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
	a := s.accounts.get(account)
	if a == nil {
		return nil
	}
	all := make([]*Instance, 0, a.instances.len())
	for _, i := range a.instances.all() {
		if i.object != nil {
			all = append(all, i.object)
		}
	}
	return all
}
