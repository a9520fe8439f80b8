package secgroup

import "slices"

// derive brings the indexes up to date with one NIC: its neighbours, G(n) and
// its addresses. It runs when all objects of the batch are in place.
func (b *batch) derive(id string) {
	was := b.old.nics.get(id)
	if was == nil {
		was = &nicNode{}
	}
	n := b.next.nics.get(id)
	if was.object == nil && n.object == nil {
		return // attachments of a NIC that is not there
	}
	touch(&b.touched.NICs, id)
	var effective []GroupRef
	explicit := false
	if n.object != nil {
		effective, explicit = b.next.judges(n.object)
	}
	if n.object != was.object {
		b.indexNIC(was.object, n.object)
	}
	b.indexAddresses(was.object, n.object)
	b.enlist(was, n.object, effective, explicit)
	if !slices.Equal(effective, n.effective) || explicit != n.explicit {
		n = b.nic(id)
		n.effective, n.explicit = effective, explicit
	}
}

// indexNIC makes a NIC known to its account, network and instance, and by its MAC, in
// the place of what it was. Either may be nil.
func (b *batch) indexNIC(old, now *NIC) {
	if old != nil {
		if now == nil || now.Account != old.Account {
			b.account(old.Account).nics.remove(b.edit, old.ID)
		}
		if now == nil || now.Network != old.Network {
			b.network(old.Network).nics.remove(b.edit, old.ID)
		}
		if old.Instance != "" {
			i := b.ownInstance(InstanceRef{old.Account, old.Instance})
			i.nics = without(i.nics, old, compareNICs)
		}
		if left := without(b.next.macs.get(old.MAC.number()), old, compareNICs); left != nil {
			b.next.macs.set(b.edit, old.MAC.number(), left)
		} else {
			b.next.macs.remove(b.edit, old.MAC.number())
		}
	}
	if now == nil {
		return
	}
	b.account(now.Account).nics.set(b.edit, now.ID, now)
	b.network(now.Network).nics.set(b.edit, now.ID, now)
	if now.Instance != "" {
		i := b.ownInstance(InstanceRef{now.Account, now.Instance})
		i.nics = insert(i.nics, now, compareNICs)
	}
	b.next.macs.set(b.edit, now.MAC.number(), with(b.next.macs.get(now.MAC.number()), now, compareNICs))
}

// judges computes G(n) of docs/semantics.md §2, and whether an attached group is in
// it. It is empty while the account has no default group, and with a closed
// attachment.
func (s *Snapshot) judges(n *NIC) (groups []GroupRef, explicit bool) {
	var attached, byInstance []GroupRef
	closed := 0
	if node := s.nics.get(n.ID); node != nil {
		attached, closed = node.attached, node.closed
	}
	if n.Instance != "" {
		if i := s.instance(InstanceRef{n.Account, n.Instance}); i != nil {
			byInstance, closed = i.attached, closed+i.closed
		}
	}
	if closed > 0 {
		return nil, true
	}
	acts := func(g GroupRef) bool { return s.acts(g, n.Network) }
	if groups = attached; !all(groups, acts) {
		groups = slices.DeleteFunc(slices.Clone(groups), func(g GroupRef) bool { return !acts(g) })
	}
	for _, g := range byInstance {
		if acts(g) {
			groups = with(groups, g, GroupRef.Compare)
		}
	}
	if len(groups) > 0 {
		return groups, true
	}
	if a := s.accounts.get(n.Account); a != nil && len(a.defaults) > 0 {
		return []GroupRef{{n.Account, a.defaults[0]}}, false
	}
	return nil, false
}

func all[T any](s []T, is func(T) bool) bool {
	return !slices.ContainsFunc(s, func(v T) bool { return !is(v) })
}

// acts reports whether the group exists and its scope contains the network.
func (s *Snapshot) acts(r GroupRef, network string) bool {
	g := s.Group(r)
	return g != nil && g.ActsIn(network)
}

// ActsIn reports whether the group's network scope contains the network.
func (g *Group) ActsIn(network string) bool {
	return g.NetworkScope != ScopeListed || slices.Contains(g.Networks, network)
}

// enlist makes the groups' member lists and the account's list of NICs without
// an attached group agree with a NIC, nil if it is no more.
func (b *batch) enlist(was *nicNode, now *NIC, effective []GroupRef, explicit bool) {
	for _, g := range was.effective {
		if !slices.Contains(effective, g) {
			b.ownGroup(g).members.remove(b.edit, was.object.ID)
		}
	}
	for _, g := range effective {
		if now != was.object || !slices.Contains(was.effective, g) {
			b.ownGroup(g).members.set(b.edit, now.ID, now)
		}
	}
	listed, lists := was.object != nil && !was.explicit, now != nil && !explicit
	if listed && (!lists || now.Account != was.object.Account) {
		b.account(was.object.Account).implicit.remove(b.edit, was.object.ID)
	}
	if lists && (!listed || now.Account != was.object.Account) {
		b.account(now.Account).implicit.set(b.edit, now.ID, struct{}{})
	}
}

// Touched is what a batch of changes may have changed, as it was before the
// batch or as it is after it. What is not in it is as it was.
type Touched struct {
	// NICs whose object, G(n), routing domain or network changed: put and
	// deleted NICs, those that a group was attached to or detached from (by
	// themselves or by their instance), those attached to a group that came,
	// went or changed its scope, those that fell back to or left their
	// account's default group, and all NICs of a network that changed.
	NICs map[string]struct{}
	// Groups put or deleted: their rules, policy or scope changed. A group that
	// only gained or lost a member is not here.
	Groups map[GroupRef]struct{}
	// Networks put or deleted.
	Networks map[string]struct{}
	// Baseline says that the baseline was put or deleted.
	Baseline bool
}

func touch[K comparable](m *map[K]struct{}, k K) {
	if *m == nil {
		*m = map[K]struct{}{}
	}
	(*m)[k] = struct{}{}
}
