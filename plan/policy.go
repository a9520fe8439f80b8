package plan

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Policy is what a plan is made of: a *secgroup.Snapshot, or a *View of one
// with the changes of earlier plans, which are to be committed together.
type Policy interface {
	Revision() int64
	Account(id string) *secgroup.Account
	Network(id string) *secgroup.Network
	Instance(secgroup.InstanceRef) *secgroup.Instance
	NIC(id string) *secgroup.NIC
	Group(secgroup.GroupRef) *secgroup.Group
	Baseline() *secgroup.Baseline
	GroupByName(account, name string) *secgroup.Group
	DefaultGroup(account string) *secgroup.Group
	Accounts() []*secgroup.Account
	Networks() []*secgroup.Network
	Groups(account string) []*secgroup.Group
	Instances(account string) []*secgroup.Instance
	NICsOfAccount(account string) []*secgroup.NIC
	NICsOfNetwork(id string) []*secgroup.NIC
	NICsOfInstance(secgroup.InstanceRef) []*secgroup.NIC
	NICsByAddress(domain string, a netip.Addr) []*secgroup.NIC
	NICsByMAC(secgroup.MAC) []*secgroup.NIC
	Domain(*secgroup.NIC) string
	HasAttachment(secgroup.Attachment) bool
	AttachmentsOfGroup(secgroup.GroupRef) []secgroup.Attachment
	AttachmentsOfNIC(id string) []secgroup.Attachment
	AttachmentsOfInstance(secgroup.InstanceRef) []secgroup.Attachment
	RulesReferencing(secgroup.GroupRef) []secgroup.RuleRef
}

// viewOf looks at a policy as a view.
func viewOf(p Policy) *View {
	if v, ok := p.(*View); ok {
		return v
	}
	s, _ := p.(*secgroup.Snapshot)
	return NewView(s, s.Revision(), nil)
}

// with lays more changes over what v shows.
func (v *View) with(changes []secgroup.Change) *View {
	all := make([]secgroup.Change, 0, len(v.over)+len(changes))
	for k, o := range v.over {
		all = append(all, secgroup.Change{Key: k, Object: o})
	}
	return NewView(v.base, v.rev, append(all, changes...))
}

// GroupByName returns the account's group of that name, or nil.
func (v *View) GroupByName(account, name string) *secgroup.Group {
	if g := v.base.GroupByName(account, name); g != nil {
		if g = v.Group(g.GroupRef); g != nil && g.Name == name {
			return g
		}
	}
	for k, o := range v.over {
		if g, ok := o.(*secgroup.Group); ok && k.Account == account && g.Name == name {
			return g
		}
	}
	return nil
}

// HasAttachment reports whether the attachment is there.
func (v *View) HasAttachment(a secgroup.Attachment) bool {
	if o, ok := v.over[secgroup.AttachmentKey(a)]; ok {
		return o != nil
	}
	return v.base.HasAttachment(a)
}

// IsMember reports whether (domain, a) ∈ M(g).
func (v *View) IsMember(g secgroup.GroupRef, domain string, a netip.Addr) bool {
	if len(v.over) == 0 {
		return v.base.IsMember(g, domain, a)
	}
	return slices.ContainsFunc(v.NICsByAddress(domain, a.Unmap()), func(n *secgroup.NIC) bool { return v.Judges(g, n) })
}

// NICsByAddress returns the NICs of the routing domain that have the address
// as a member, those of the base first.
func (v *View) NICsByAddress(domain string, a netip.Addr) []*secgroup.NIC {
	has := func(n *secgroup.NIC) bool {
		return v.Domain(n) == domain && slices.Contains(secgroup.MemberAddresses(n), a)
	}
	nics := slices.DeleteFunc(v.base.NICsByAddress(domain, a), func(n *secgroup.NIC) bool {
		_, changed := v.over[n.Key()]
		return changed || !has(n)
	})
	for _, o := range v.over {
		switch o := o.(type) {
		case *secgroup.NIC:
			if has(o) {
				nics = append(nics, o)
			}
		case *secgroup.Network: // its NICs may have come into the domain
			for _, n := range v.base.NICsOfNetwork(o.ID) {
				if _, changed := v.over[n.Key()]; !changed && has(n) && !slices.Contains(nics, n) {
					nics = append(nics, n)
				}
			}
		}
	}
	return nics
}
