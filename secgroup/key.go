package secgroup

import "cmp"

// Kind is the kind of an object of the policy.
type Kind uint8

// The kinds of objects a Snapshot holds.
const (
	KindAccount Kind = iota + 1
	KindNetwork
	KindInstance
	KindNIC
	KindGroup
	KindAttachment
	KindBaseline
)

// String returns the kind's name as the API spells it.
func (k Kind) String() string {
	switch k {
	case KindAccount:
		return "account"
	case KindNetwork:
		return "network"
	case KindInstance:
		return "instance"
	case KindNIC:
		return "nic"
	case KindGroup:
		return "security-group"
	case KindAttachment:
		return "attachment"
	case KindBaseline:
		return "baseline"
	}
	return "unknown"
}

// Key names one object of the policy. Account and ID name accounts (ID),
// networks (ID), NICs (ID), instances and groups (both). An attachment has its
// group's Account and ID, and one of Instance and NIC. It is comparable.
type Key struct {
	Kind                       Kind
	Account, ID, Instance, NIC string
}

// AccountKey names an account.
func AccountKey(id string) Key { return Key{Kind: KindAccount, ID: id} }

// NetworkKey names a network.
func NetworkKey(id string) Key { return Key{Kind: KindNetwork, ID: id} }

// InstanceKey names an instance.
func InstanceKey(r InstanceRef) Key { return Key{Kind: KindInstance, Account: r.Account, ID: r.ID} }

// NICKey names a NIC.
func NICKey(id string) Key { return Key{Kind: KindNIC, ID: id} }

// GroupKey names a group.
func GroupKey(r GroupRef) Key { return Key{Kind: KindGroup, Account: r.Account, ID: r.ID} }

// AttachmentKey names an attachment, which is nothing but its name.
func AttachmentKey(a Attachment) Key {
	return Key{KindAttachment, a.Group.Account, a.Group.ID, a.Instance, a.NIC} // whoever the holder is
}

// BaselineKey names the one baseline.
func BaselineKey() Key { return Key{Kind: KindBaseline} }

// attachment is the inverse of AttachmentKey.
func (k Key) attachment() Attachment {
	return Attachment{Group: GroupRef{k.Account, k.ID}, Instance: k.Instance, NIC: k.NIC}
}

// Object is one of *Account, *Network, *Instance, *NIC, *Group, *Attachment
// and *Baseline. Once in a Snapshot it is replaced, never mutated.
type Object interface{ Key() Key }

// RevisionOf returns the revision that last changed a stored object. An
// attachment has none: it is there or not.
func RevisionOf(o Object) int64 {
	switch o := o.(type) {
	case *Account:
		return o.Revision
	case *Network:
		return o.Revision
	case *Instance:
		return o.Revision
	case *NIC:
		return o.Revision
	case *Group:
		return o.Revision
	case *Baseline:
		return o.Revision
	}
	return 0
}

// Key returns the account's name.
func (a *Account) Key() Key { return AccountKey(a.ID) }

// Key returns the network's name.
func (n *Network) Key() Key { return NetworkKey(n.ID) }

// Key returns the instance's name.
func (i *Instance) Key() Key { return InstanceKey(i.InstanceRef) }

// Key returns the NIC's name.
func (n *NIC) Key() Key { return NICKey(n.ID) }

// Key returns the group's name.
func (g *Group) Key() Key { return GroupKey(g.GroupRef) }

// Key returns the attachment's name.
func (a *Attachment) Key() Key { return AttachmentKey(*a) }

// Key returns the baseline's name.
func (b *Baseline) Key() Key { return BaselineKey() }

// Change puts or deletes one object. A nil Object means that it is deleted.
type Change struct {
	Key    Key
	Object Object
}

// Put is the change that creates or replaces o.
func Put(o Object) Change { return Change{o.Key(), o} }

// Delete is the change that removes the object named k, if there is one.
func Delete(k Key) Change { return Change{Key: k} }

// Compare orders references by account, then id.
func (r GroupRef) Compare(o GroupRef) int {
	return cmp.Or(cmp.Compare(r.Account, o.Account), cmp.Compare(r.ID, o.ID))
}

// Compare orders references by account, then id.
func (r InstanceRef) Compare(o InstanceRef) int {
	return cmp.Or(cmp.Compare(r.Account, o.Account), cmp.Compare(r.ID, o.ID))
}

// Compare orders references by group, then id.
func (r RuleRef) Compare(o RuleRef) int {
	return cmp.Or(r.Group.Compare(o.Group), cmp.Compare(r.ID, o.ID))
}

// Compare orders attachments by group, instance, NIC.
func (a Attachment) Compare(o Attachment) int {
	return cmp.Or(a.Group.Compare(o.Group), cmp.Compare(a.Instance, o.Instance), cmp.Compare(a.NIC, o.NIC))
}
