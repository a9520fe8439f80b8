package secgroup

import (
	"maps"
	"slices"
	"strings"
)

// batch is one change of a policy that is being made.
type batch struct {
	next    *Snapshot // the policy in the making
	old     *Snapshot // the one before
	edit    *edit
	touched Touched
	dirty   map[string]struct{} // NICs to be derived

	// The nodes that the batch has its own copies of. Those that nothing names any
	// more are dropped at its end.
	ownAccounts, ownNetworks, ownNICs []string
	ownGroups                         []GroupRef
	ownInstances                      []InstanceRef
}

// With returns the policy with objects put and deleted, at revision rev, and what
// that touched. The snapshot stays as it is, and shares with the other what is
// alike. The changes may be in any order; only the state after the last one is
// derived. The cost is that of what is touched: one NIC for a NIC or its
// attachment, the attached NICs for a group that changes its scope, none for a
// group that changes its rules. A change of an unknown kind and an attachment
// that names both or neither of instance and NIC are ignored.
func (s *Snapshot) With(rev int64, changes []Change) (*Snapshot, Touched) {
	b := begin(s)
	for _, c := range changes {
		b.apply(c)
	}
	return b.end(rev), b.touched
}

// begin begins a change of a policy.
func begin(s *Snapshot) *batch {
	next := *s
	return &batch{next: &next, old: s, edit: new(edit), dirty: map[string]struct{}{}}
}

// end derives what is left to be, and returns the changed policy.
func (b *batch) end(rev int64) *Snapshot {
	// In the order of the trees, so that of many each finds in the processor's cache what the
	// one before it has touched.
	for _, id := range slices.Sorted(maps.Keys(b.dirty)) {
		b.derive(id)
	}
	b.drop()
	if b.old.nics.len() == 0 {
		b.pack()
	}
	b.next.revision = rev
	return b.next
}

func (b *batch) apply(c Change) {
	switch o := c.Object.(type) {
	case nil:
		b.remove(c.Key)
	case *Account:
		b.account(o.ID).object = o
	case *Network:
		b.putNetwork(o.ID, o)
	case *Instance:
		b.ownInstance(o.InstanceRef).object = o
	case *NIC:
		b.putNIC(o.ID, o)
	case *Group:
		b.putGroup(o.GroupRef, o)
	case *Attachment:
		b.putAttachment(*o)
	case *Baseline:
		b.next.baseline, b.touched.Baseline = o, true
	}
}

func (b *batch) remove(k Key) {
	switch k.Kind {
	case KindAccount:
		b.account(k.ID).object = nil
	case KindNetwork:
		b.putNetwork(k.ID, nil)
	case KindInstance:
		b.ownInstance(InstanceRef{k.Account, k.ID}).object = nil
	case KindNIC:
		b.putNIC(k.ID, nil)
	case KindGroup:
		b.putGroup(GroupRef{k.Account, k.ID}, nil)
	case KindAttachment:
		b.removeAttachment(k.attachment())
	case KindBaseline:
		b.next.baseline, b.touched.Baseline = &Baseline{}, true
	}
}

// The putters below take nil for a deletion.

func (b *batch) putNetwork(id string, o *Network) {
	n := b.network(id)
	n.object = o
	touch(&b.touched.Networks, id)
	for nic := range n.nics.all() {
		b.mark(nic)
	}
}

func (b *batch) putNIC(id string, o *NIC) {
	b.nic(id).object = o
	b.mark(id)
}

func (b *batch) putGroup(r GroupRef, o *Group) {
	a, g := b.account(r.Account), b.ownGroup(r)
	old := g.object
	g.object = o
	touch(&b.touched.Groups, r)
	if old != nil {
		a.byName.remove(b.edit, nameKey(old.Name, r.ID))
	}
	if o != nil {
		a.byName.set(b.edit, nameKey(o.Name, r.ID), r.ID)
	}
	was, is := old != nil && old.IsDefault, o != nil && o.IsDefault
	if is {
		a.defaults = with(a.defaults, r.ID, strings.Compare)
	} else if was {
		a.defaults = without(a.defaults, r.ID, strings.Compare)
	}
	changed(remoteGroups(old), remoteGroups(o), func(ref GroupRef, names bool) {
		if remote := b.ownGroup(ref); names {
			remote.referencedBy.set(b.edit, r.key(), r)
		} else {
			remote.referencedBy.remove(b.edit, r.key())
		}
	})
	changed(grantees(old), grantees(o), func(account string, shared bool) {
		if grantee := b.account(account); shared {
			grantee.shared.set(b.edit, r.key(), r)
		} else {
			grantee.shared.remove(b.edit, r.key())
		}
	})
	if !sameScope(old, o) {
		for n := range g.nics.all() {
			b.mark(n)
		}
		for i := range g.instances.all() {
			b.markAll(b.next.instance(InstanceRef{r.Account, i}).nics)
		}
	}
	turned := (old != nil && old.Closed) != (o != nil && o.Closed)
	if turned || was != is {
		for n := range a.implicit.all() {
			b.mark(n)
		}
	}
}

// changed calls f with what is in one of two lists only, and whether that is the
// second.
func changed[T comparable](before, after []T, f func(v T, is bool)) {
	for _, v := range before {
		if !slices.Contains(after, v) {
			f(v, false)
		}
	}
	for _, v := range after {
		if !slices.Contains(before, v) {
			f(v, true)
		}
	}
}

// remoteGroups returns the groups that g's rules name.
func remoteGroups(g *Group) []GroupRef {
	if g == nil {
		return nil
	}
	var refs []GroupRef
	for i := range g.Rules {
		if ref := g.Rules[i].RemoteGroup; ref != (GroupRef{}) {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, GroupRef.Compare)
	return slices.Compact(refs)
}

// grantees returns the accounts that g is shared with.
func grantees(g *Group) []string {
	if g == nil {
		return nil
	}
	all := make([]string, len(g.Shares))
	for i := range g.Shares {
		all[i] = g.Shares[i].Account
	}
	return all
}

// sameScope reports whether two states of a group, nil for none, judge the same NICs.
func sameScope(a, b *Group) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.NetworkScope == b.NetworkScope && slices.Equal(a.Networks, b.Networks) && a.Closed == b.Closed
}

// mark has a NIC derived at the end of the batch.
func (b *batch) mark(id string) { b.dirty[id] = struct{}{} }

func (b *batch) markAll(nics []*NIC) {
	for _, n := range nics {
		b.mark(n.ID)
	}
}
