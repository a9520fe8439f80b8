package secgroup

// Accounts returns all accounts, sorted by id.
func (s *Snapshot) Accounts() []*Account {
	all := make([]*Account, 0, s.allAccounts.len())
	for a := range s.allAccounts.all() {
		all = append(all, a.object)
	}
	return all
}

// Networks returns all networks, sorted by id.
func (s *Snapshot) Networks() []*Network {
	all := make([]*Network, 0, s.allNetworks.len())
	for n := range s.allNetworks.all() {
		all = append(all, n.object)
	}
	return all
}

// NICs returns all NICs, sorted by id.
func (s *Snapshot) NICs() []*NIC { return nicObjects(&s.nicOrder) }

// NICsOfAccount returns the account's NICs, sorted by id.
func (s *Snapshot) NICsOfAccount(account string) []*NIC {
	if a := s.accounts[account]; a != nil {
		return nicObjects(&a.nics)
	}
	return nil
}

// NICsOfNetwork returns the network's NICs, sorted by id.
func (s *Snapshot) NICsOfNetwork(id string) []*NIC {
	if n := s.networks[id]; n != nil {
		return nicObjects(&n.nics)
	}
	return nil
}

// NICsOfInstance returns the instance's NICs, sorted by id.
func (s *Snapshot) NICsOfInstance(r InstanceRef) []*NIC {
	i := s.instances[r]
	if i == nil {
		return nil
	}
	all := make([]*NIC, 0, len(i.nics))
	for _, n := range i.nics {
		all = append(all, n.object)
	}
	return all
}

func nicObjects(nodes *ordered[*nicNode]) []*NIC {
	all := make([]*NIC, 0, nodes.len())
	for n := range nodes.all() {
		all = append(all, n.object)
	}
	return all
}

// Groups returns the account's groups, sorted by id.
func (s *Snapshot) Groups(account string) []*Group {
	a := s.accounts[account]
	if a == nil {
		return nil
	}
	all := make([]*Group, 0, a.groups.len())
	for g := range a.groups.all() {
		all = append(all, g.object)
	}
	return all
}

// SharedWith returns the groups of others that the account may use, sorted.
func (s *Snapshot) SharedWith(account string) []*Group {
	a := s.accounts[account]
	if a == nil {
		return nil
	}
	all := make([]*Group, 0, a.shared.len())
	for g := range a.shared.all() {
		all = append(all, g.object)
	}
	return all
}

// Instances returns the account's instances, sorted by id.
func (s *Snapshot) Instances(account string) []*Instance {
	a := s.accounts[account]
	if a == nil {
		return nil
	}
	all := make([]*Instance, 0, a.instances.len())
	for i := range a.instances.all() {
		all = append(all, i.object)
	}
	return all
}
