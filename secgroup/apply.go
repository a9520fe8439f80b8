package secgroup

import "slices"

// batch is one Apply under way.
type batch struct {
	*Snapshot
	touched Touched
	dirty   []*nicNode
}

// Apply puts and deletes objects and leaves the snapshot at revision rev. The
// changes of a batch may be in any order; only the state after the last one is
// derived. The cost is that of what is touched: one NIC for a NIC or its
// attachment, the attached NICs for a group that changes its scope, none for a
// group that changes its rules. A change of an unknown kind and an attachment
// that names both or neither of instance and NIC are ignored.
func (s *Snapshot) Apply(rev int64, changes []Change) Touched {
	b := batch{Snapshot: s}
	for _, c := range changes {
		b.apply(c)
	}
	for _, n := range b.dirty {
		b.derive(n)
	}
	s.revision = rev
	return b.touched
}

func (b *batch) apply(c Change) {
	switch o := c.Object.(type) {
	case nil:
		b.remove(c.Key)
	case *Account:
		b.putAccount(o.ID, o)
	case *Network:
		b.putNetwork(o.ID, o)
	case *Instance:
		b.putInstance(o.InstanceRef, o)
	case *NIC:
		b.putNIC(o.ID, o)
	case *Group:
		b.putGroup(o.GroupRef, o)
	case *Attachment:
		b.putAttachment(*o)
	case *Baseline:
		b.baseline, b.touched.Baseline = o, true
	}
}

func (b *batch) remove(k Key) {
	switch k.Kind {
	case KindAccount:
		b.putAccount(k.ID, nil)
	case KindNetwork:
		b.putNetwork(k.ID, nil)
	case KindInstance:
		b.putInstance(InstanceRef{k.Account, k.ID}, nil)
	case KindNIC:
		b.putNIC(k.ID, nil)
	case KindGroup:
		b.putGroup(GroupRef{k.Account, k.ID}, nil)
	case KindAttachment:
		b.removeAttachment(k.attachment())
	case KindBaseline:
		b.baseline, b.touched.Baseline = &Baseline{}, true
	}
}

// Each putter below takes nil for a deletion.

func (b *batch) putAccount(id string, o *Account) {
	a := b.accountNode(id)
	if a.object = o; o != nil {
		b.allAccounts.insert(a, compareAccounts)
	} else {
		b.allAccounts.remove(a, compareAccounts)
	}
	b.dropAccount(a)
}

func (b *batch) putNetwork(id string, o *Network) {
	n := b.networkNode(id)
	if n.object = o; o != nil {
		b.allNetworks.insert(n, compareNetworks)
	} else {
		b.allNetworks.remove(n, compareNetworks)
	}
	touch(&b.touched.Networks, id)
	for nic := range n.nics.all() {
		b.mark(nic)
	}
	b.dropNetwork(n)
}

func (b *batch) putInstance(r InstanceRef, o *Instance) {
	i := b.instanceNode(r)
	a := b.accountNode(r.Account)
	if i.object = o; o != nil {
		a.instances.insert(i, compareInstances)
	} else {
		a.instances.remove(i, compareInstances)
	}
	b.dropInstance(i)
	b.dropAccount(a)
}

func (b *batch) putNIC(id string, o *NIC) {
	n := b.nicNode(id)
	n.object = o
	b.mark(n)
}

func (b *batch) putGroup(r GroupRef, o *Group) {
	g := b.groupNode(r)
	a := b.accountNode(r.Account)
	old := g.object
	g.object = o
	touch(&b.touched.Groups, r)
	if old != nil {
		a.byName.remove(old, compareGroupNames)
		if old.IsDefault {
			a.defaults = removeSorted(a.defaults, g, compareGroups)
		}
		for _, ref := range remoteGroups(old) {
			remote := b.groupNode(ref)
			remote.referencedBy.remove(g, compareGroups)
			b.dropGroup(remote)
		}
		for _, share := range old.Shares {
			with := b.accountNode(share.Account)
			with.shared.remove(g, compareGroups)
			b.dropAccount(with)
		}
	}
	if o != nil {
		a.groups.insert(g, compareGroups)
		a.byName.insert(o, compareGroupNames)
		if o.IsDefault {
			a.defaults = insertSorted(a.defaults, g, compareGroups)
		}
		for _, ref := range remoteGroups(o) {
			b.groupNode(ref).referencedBy.insert(g, compareGroups)
		}
		for _, share := range o.Shares {
			b.accountNode(share.Account).shared.insert(g, compareGroups)
		}
	} else {
		a.groups.remove(g, compareGroups)
	}
	if !sameScope(old, o) {
		for n := range g.nics.all() {
			b.mark(n)
		}
		for i := range g.instances.all() {
			b.mark(i.nics...)
		}
	}
	turned := (old != nil && old.Closed) != (o != nil && o.Closed)
	if turned || (old != nil && old.IsDefault) != (o != nil && o.IsDefault) {
		for n := range a.implicit.all() {
			b.mark(n)
		}
	}
	b.dropGroup(g)
	b.dropAccount(a)
}

// remoteGroups returns the groups that g's rules name.
func remoteGroups(g *Group) []GroupRef {
	var refs []GroupRef
	for i := range g.Rules {
		if ref := g.Rules[i].RemoteGroup; ref != (GroupRef{}) {
			refs = insertSorted(refs, ref, GroupRef.Compare)
		}
	}
	return refs
}

// sameScope reports whether two states of a group, nil for none, judge the same NICs.
func sameScope(a, b *Group) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.NetworkScope == b.NetworkScope && slices.Equal(a.Networks, b.Networks) && a.Closed == b.Closed
}

func (b *batch) putAttachment(a Attachment) {
	if (a.Instance == "") == (a.NIC == "") {
		return
	}
	g := b.groupNode(a.Group)
	b.close(a)
	if a.NIC != "" {
		n := b.nicNode(a.NIC)
		if g.nics.insert(n, compareNICs) {
			n.attached = insertSorted(n.attached, g, compareGroups)
			b.mark(n)
		}
		return
	}
	i := b.instanceNode(a.instance())
	if g.instances.insert(i, compareInstances) {
		i.attached = insertSorted(i.attached, g, compareGroups)
		b.mark(i.nics...)
	}
}

func (b *batch) removeAttachment(a Attachment) {
	if !b.HasAttachment(a) {
		return
	}
	g := b.groups[a.Group]
	b.close(Attachment{Group: a.Group, Instance: a.Instance, NIC: a.NIC})
	if a.NIC != "" {
		n := b.nics[a.NIC]
		g.nics.remove(n, compareNICs)
		n.attached = removeSorted(n.attached, g, compareGroups)
		b.mark(n)
	} else {
		i := b.instances[a.instance()]
		g.instances.remove(i, compareInstances)
		i.attached = removeSorted(i.attached, g, compareGroups)
		b.mark(i.nics...)
		b.dropInstance(i)
	}
	b.dropGroup(g)
}

// close notes whether an attachment is closed. Its end has a node.
func (b *batch) close(a Attachment) {
	name := Attachment{Group: a.Group, Instance: a.Instance, NIC: a.NIC}
	_, was := b.closed[name]
	if was == a.Closed {
		return
	}
	more := 1
	if a.Closed {
		touch(&b.closed, name)
	} else {
		delete(b.closed, name)
		more = -1
	}
	if a.NIC != "" {
		n := b.nicNode(a.NIC)
		n.closed += more
		b.mark(n)
		return
	}
	i := b.instanceNode(a.instance())
	i.closed += more
	b.mark(i.nics...)
}

// mark has NICs derived at the end of the batch.
func (b *batch) mark(nics ...*nicNode) {
	for _, n := range nics {
		if !n.dirty {
			n.dirty = true
			b.dirty = append(b.dirty, n)
		}
	}
}
