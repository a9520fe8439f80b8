package plan

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// View is a snapshot with changes laid over it: the policy as it would be with
// a plan carried out, or as it was before changes that are undone. It answers
// the snapshot's questions without touching the snapshot, at the cost of the
// changes. It must not be used once the snapshot may change.
type View struct {
	base *secgroup.Snapshot
	rev  int64
	over map[secgroup.Key]secgroup.Object // nil: absent in the view

	// The attachments among over, by their ends.
	byNIC      map[string][]secgroup.Attachment
	byInstance map[secgroup.InstanceRef][]secgroup.Attachment
	byGroup    map[secgroup.GroupRef][]secgroup.Attachment

	dirty map[string]struct{} // see moved; nil until asked for
}

// NewView lays changes over s, later ones over earlier ones. The view says
// that it is at revision rev.
func NewView(s *secgroup.Snapshot, rev int64, changes []secgroup.Change) *View {
	v := &View{base: s, rev: rev}
	if len(changes) == 0 {
		return v
	}
	v.over = make(map[secgroup.Key]secgroup.Object, len(changes))
	for _, c := range changes {
		v.over[c.Key] = c.Object
	}
	for k := range v.over {
		if k.Kind != secgroup.KindAttachment {
			continue
		}
		a := attachmentOf(k)
		push(&v.byGroup, a.Group, a)
		if a.NIC != "" {
			push(&v.byNIC, a.NIC, a)
		} else {
			push(&v.byInstance, secgroup.InstanceRef{Account: a.Group.Account, ID: a.Instance}, a)
		}
	}
	return v
}

func attachmentOf(k secgroup.Key) secgroup.Attachment {
	return secgroup.Attachment{
		Group:    secgroup.GroupRef{Account: k.Account, ID: k.ID},
		Instance: k.Instance,
		NIC:      k.NIC,
	}
}

func push[K comparable, V any](m *map[K][]V, k K, v V) {
	if *m == nil {
		*m = map[K][]V{}
	}
	(*m)[k] = append((*m)[k], v)
}

// Revision is the revision that the view shows.
func (v *View) Revision() int64 { return v.rev }

// get returns the object named k, typed, or nil.
func get[T any, P interface {
	*T
	secgroup.Object
}](v *View, k secgroup.Key, base func() P) P {
	if o, ok := v.over[k]; ok {
		p, _ := o.(P)
		return p
	}
	return base()
}

// Account returns the account, or nil.
func (v *View) Account(id string) *secgroup.Account {
	return get(v, secgroup.AccountKey(id), func() *secgroup.Account { return v.base.Account(id) })
}

// Network returns the network, or nil.
func (v *View) Network(id string) *secgroup.Network {
	return get(v, secgroup.NetworkKey(id), func() *secgroup.Network { return v.base.Network(id) })
}

// Instance returns the instance, or nil.
func (v *View) Instance(r secgroup.InstanceRef) *secgroup.Instance {
	return get(v, secgroup.InstanceKey(r), func() *secgroup.Instance { return v.base.Instance(r) })
}

// NIC returns the NIC, or nil.
func (v *View) NIC(id string) *secgroup.NIC {
	return get(v, secgroup.NICKey(id), func() *secgroup.NIC { return v.base.NIC(id) })
}

// Group returns the group, or nil.
func (v *View) Group(r secgroup.GroupRef) *secgroup.Group {
	return get(v, secgroup.GroupKey(r), func() *secgroup.Group { return v.base.Group(r) })
}

// Baseline returns the baseline, an empty one if none was put.
func (v *View) Baseline() *secgroup.Baseline {
	if b := get(v, secgroup.BaselineKey(), v.base.Baseline); b != nil {
		return b
	}
	return &secgroup.Baseline{}
}

// Domain returns the routing domain of n's network, "" if that is absent.
func (v *View) Domain(n *secgroup.NIC) string {
	if net := v.Network(n.Network); net != nil {
		return net.RoutingDomain
	}
	return ""
}

// DefaultGroup returns the account's default group, or nil.
func (v *View) DefaultGroup(account string) *secgroup.Group {
	var first *secgroup.Group
	if g := v.base.DefaultGroup(account); g != nil {
		if g = v.Group(g.GroupRef); g != nil && g.IsDefault {
			first = g
		}
	}
	for k, o := range v.over {
		if g, ok := o.(*secgroup.Group); ok && k.Account == account && g.IsDefault &&
			(first == nil || g.ID < first.ID) {
			first = g
		}
	}
	return first
}

// AttachmentsOfNIC returns the attachments of the NIC itself, sorted by group.
func (v *View) AttachmentsOfNIC(id string) []secgroup.Attachment {
	return v.attachments(v.base.AttachmentsOfNIC(id), v.byNIC[id])
}

// AttachmentsOfInstance returns the instance's attachments, sorted by group.
func (v *View) AttachmentsOfInstance(r secgroup.InstanceRef) []secgroup.Attachment {
	return v.attachments(v.base.AttachmentsOfInstance(r), v.byInstance[r])
}

// AttachmentsOfGroup returns the group's attachments, to NICs first, each
// sorted by id.
func (v *View) AttachmentsOfGroup(r secgroup.GroupRef) []secgroup.Attachment {
	return v.attachments(v.base.AttachmentsOfGroup(r), v.byGroup[r])
}

// attachments lays the changed ones over those of the base.
func (v *View) attachments(base, changed []secgroup.Attachment) []secgroup.Attachment {
	if len(changed) == 0 {
		return base
	}
	all := slices.DeleteFunc(base, func(a secgroup.Attachment) bool {
		_, ok := v.over[secgroup.AttachmentKey(a)]
		return ok
	})
	for _, a := range changed {
		if v.over[secgroup.AttachmentKey(a)] != nil {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, secgroup.Attachment.Compare) // "" sorts first: NICs before instances
	return all
}
