package secgroup

import "slices"

// The getters below return nodes that the batch may change, made if need be.

func (b *batch) account(id string) *accountNode {
	a, first := own(b.edit, &b.next.accounts, id)
	if first {
		b.ownAccounts = append(b.ownAccounts, id)
	}
	return a
}

func (b *batch) network(id string) *networkNode {
	n, first := own(b.edit, &b.next.networks, id)
	if first {
		b.ownNetworks = append(b.ownNetworks, id)
	}
	return n
}

func (b *batch) nic(id string) *nicNode {
	n, first := own(b.edit, &b.next.nics, id)
	if first {
		b.ownNICs = append(b.ownNICs, id)
	}
	return n
}

func (b *batch) ownGroup(r GroupRef) *groupNode {
	g, first := own(b.edit, &b.account(r.Account).groups, r.ID)
	if first {
		b.ownGroups = append(b.ownGroups, r)
	}
	return g
}

func (b *batch) ownInstance(r InstanceRef) *instanceNode {
	i, first := own(b.edit, &b.account(r.Account).instances, r.ID)
	if first {
		b.ownInstances = append(b.ownInstances, r)
		i.nics = slices.Clip(i.nics) // its array is another snapshot's: see insert
	}
	return i
}

// drop removes the nodes of the batch that nothing names any more.
func (b *batch) drop() {
	for _, id := range b.ownNICs {
		if n := b.next.nics.get(id); n.object == nil && len(n.attached) == 0 {
			b.next.nics.remove(b.edit, id)
		}
	}
	for _, r := range b.ownGroups {
		if g := b.next.group(r); g.object == nil && g.nics.len()+g.instances.len()+g.members.len()+g.referencedBy.len() == 0 {
			b.account(r.Account).groups.remove(b.edit, r.ID)
		}
	}
	for _, r := range b.ownInstances {
		if i := b.next.instance(r); i.object == nil && len(i.nics) == 0 && len(i.attached) == 0 {
			b.account(r.Account).instances.remove(b.edit, r.ID)
		}
	}
	for _, id := range b.ownNetworks {
		if n := b.next.networks.get(id); n.object == nil && n.nics.len() == 0 {
			b.next.networks.remove(b.edit, id)
		}
	}
	for _, id := range b.ownAccounts {
		if a := b.next.accounts.get(id); a.object == nil && a.nics.len()+a.instances.len()+a.groups.len()+a.shared.len() == 0 {
			b.next.accounts.remove(b.edit, id)
		}
	}
}

// pack packs the large trees of a policy that the batch has filled.
func (b *batch) pack() {
	b.next.nics.pack()
	b.next.macs.pack()
	for _, id := range b.ownAccounts {
		if a := b.next.accounts.get(id); a != nil {
			a.nics.pack()
			a.implicit.pack()
		}
	}
	for _, id := range b.ownNetworks {
		if n := b.next.networks.get(id); n != nil {
			n.nics.pack()
		}
	}
	for _, r := range b.ownGroups {
		if g := b.next.group(r); g != nil {
			g.nics.pack()
			g.members.pack()
		}
	}
	for _, d := range b.next.domains.all() {
		held := d.held.Copy()
		held.ScanMut(func(holder) bool { return true })
		d.held = held
	}
}
