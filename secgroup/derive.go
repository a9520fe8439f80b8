package secgroup

import "slices"

// derive brings the indexes up to date with one NIC: its neighbours, G(n) and
// its addresses. It runs when all objects of the batch are in place.
func (b *batch) derive(n *nicNode) {
	n.dirty = false
	old, oldDomain, oldEffective := n.derived, n.domain, n.effective
	if old == nil && n.object == nil { // an attachment of a NIC that never was
		b.dropNIC(n)
		return
	}
	touch(&b.touched.NICs, n.id)
	if oldDomain != nil {
		oldDomain.remove(n)
	}
	account, network, instance := n.account, n.network, n.instance
	if old != nil {
		b.unlink(n)
	}
	n.derived = n.object
	explicit := false
	if n.object == nil {
		n.effective, n.domain = nil, nil
		b.nicOrder.remove(n, compareNICs)
	} else {
		b.link(n)
		n.effective, explicit = n.judges()
		if n.domain = b.domainOf(n); n.domain != nil {
			n.domain.add(n)
		}
	}
	b.enlist(n, oldEffective, account, explicit)
	if oldDomain != nil {
		b.dropDomain(oldDomain)
	}
	if old != nil {
		b.dropAccount(account)
		b.dropNetwork(network)
		if instance != nil {
			b.dropInstance(instance)
		}
	}
	b.dropNIC(n)
}

// link makes n known to its account, network and instance.
func (b *batch) link(n *nicNode) {
	o := n.object
	n.account, n.network = b.accountNode(o.Account), b.networkNode(o.Network)
	n.account.nics.insert(n, compareNICs)
	n.network.nics.insert(n, compareNICs)
	if o.Instance != "" {
		n.instance = b.instanceNode(InstanceRef{o.Account, o.Instance})
		n.instance.nics = insertSorted(n.instance.nics, n, compareNICs)
	}
	b.nicOrder.insert(n, compareNICs)
	b.macs[o.MAC] = append(b.macs[o.MAC], n)
}

func (b *batch) unlink(n *nicNode) {
	n.account.nics.remove(n, compareNICs)
	n.network.nics.remove(n, compareNICs)
	if n.instance != nil {
		n.instance.nics = removeSorted(n.instance.nics, n, compareNICs)
	}
	mac := n.derived.MAC
	if b.macs[mac] = slices.DeleteFunc(b.macs[mac], func(other *nicNode) bool { return other == n }); len(b.macs[mac]) == 0 {
		delete(b.macs, mac)
	}
	n.account, n.network, n.instance = nil, nil, nil
}

// domainOf returns the index of n's routing domain, nil if it has none.
func (b *batch) domainOf(n *nicNode) *domain {
	if net := n.network.object; net != nil && net.RoutingDomain != "" {
		return b.domain(net.RoutingDomain)
	}
	return nil
}

// judges computes G(n) of docs/semantics.md §2, and whether an attached group is in
// it. It is empty while the account has no default group, and with a closed
// attachment.
func (n *nicNode) judges() (groups []*groupNode, explicit bool) {
	if n.closed > 0 || n.instance != nil && n.instance.closed > 0 {
		return nil, true
	}
	for _, g := range n.attached {
		if g.acts(n.object.Network) {
			groups = insertSorted(groups, g, compareGroups)
		}
	}
	if n.instance != nil {
		for _, g := range n.instance.attached {
			if g.acts(n.object.Network) {
				groups = insertSorted(groups, g, compareGroups)
			}
		}
	}
	if explicit = len(groups) > 0; !explicit && len(n.account.defaults) > 0 {
		groups = []*groupNode{n.account.defaults[0]}
	}
	return groups, explicit
}

// acts reports whether the group exists and its scope contains the network.
func (g *groupNode) acts(network string) bool {
	return g.object != nil && g.object.ActsIn(network)
}

// ActsIn reports whether the group's network scope contains the network.
func (g *Group) ActsIn(network string) bool {
	return g.NetworkScope != ScopeListed || slices.Contains(g.Networks, network)
}

// enlist makes the groups' member lists and the account's list of NICs without
// an attached group agree with n.
func (b *batch) enlist(n *nicNode, old []*groupNode, oldAccount *accountNode, explicit bool) {
	for _, g := range old {
		if !slices.Contains(n.effective, g) {
			g.members.remove(n, compareNICs)
			b.dropGroup(g)
		}
	}
	for _, g := range n.effective {
		g.members.insert(n, compareNICs)
	}
	if oldAccount != nil && (oldAccount != n.account || explicit) {
		oldAccount.implicit.remove(n, compareNICs)
	}
	if n.account != nil && !explicit {
		n.account.implicit.insert(n, compareNICs)
	}
}
