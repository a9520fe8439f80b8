package secgroup

// Snapshot is the whole policy at one store revision, with the indexes that
// every question of docs/semantics.md §2 needs. It is a value: nothing changes it,
// and whoever has one may keep it, and read it beside others. With makes the next
// one, which shares with it what is alike.
//
// Names without an object are legal, since the objects of a full load come in
// any order and a deletion may precede that of what names it: a group that is
// absent judges nobody, a NIC whose network is absent has no routing domain and
// its addresses belong to nobody, and all is right once the object appears.
type Snapshot struct {
	revision int64
	accounts tree[string, *accountNode]
	networks tree[string, *networkNode]
	nics     tree[string, *nicNode]
	macs     tree[uint64, []*NIC] // each sorted by id
	domains  tree[string, *domain]
	baseline *Baseline
	closed   map[Attachment]struct{} // by name: without Holder and Closed
}

// NewSnapshot returns an empty policy at revision 0.
func NewSnapshot() *Snapshot { return &Snapshot{baseline: &Baseline{}} }

// Revision is the store revision that the last With was given.
func (s *Snapshot) Revision() int64 { return s.revision }

// Account returns the account, or nil.
func (s *Snapshot) Account(id string) *Account {
	if a := s.accounts.get(id); a != nil {
		return a.object
	}
	return nil
}

// Network returns the network, or nil.
func (s *Snapshot) Network(id string) *Network {
	if n := s.networks.get(id); n != nil {
		return n.object
	}
	return nil
}

// Instance returns the instance, or nil.
func (s *Snapshot) Instance(r InstanceRef) *Instance {
	if i := s.instance(r); i != nil {
		return i.object
	}
	return nil
}

// NIC returns the NIC, or nil.
func (s *Snapshot) NIC(id string) *NIC {
	if n := s.nics.get(id); n != nil {
		return n.object
	}
	return nil
}

// Group returns the group, or nil.
func (s *Snapshot) Group(r GroupRef) *Group {
	if g := s.group(r); g != nil {
		return g.object
	}
	return nil
}

// Baseline returns the baseline, an empty one if none was put. Never nil.
func (s *Snapshot) Baseline() *Baseline { return s.baseline }

// Get returns the object named k, or a nil interface.
func (s *Snapshot) Get(k Key) Object {
	switch k.Kind {
	case KindAccount:
		return object(s.Account(k.ID))
	case KindNetwork:
		return object(s.Network(k.ID))
	case KindInstance:
		return object(s.Instance(InstanceRef{k.Account, k.ID}))
	case KindNIC:
		return object(s.NIC(k.ID))
	case KindGroup:
		return object(s.Group(GroupRef{k.Account, k.ID}))
	case KindAttachment:
		if a := k.attachment(); s.HasAttachment(a) {
			if n := s.NIC(a.NIC); n != nil && n.Account != a.Group.Account {
				a.Holder = n.Account
			}
			_, a.Closed = s.closed[k.attachment()]
			return &a
		}
	case KindBaseline:
		return s.baseline
	}
	return nil
}

// object turns a nil pointer into a nil interface.
func object[T any, P interface {
	*T
	Object
}](p P) Object {
	if p == nil {
		return nil
	}
	return p
}

// GroupByName returns the account's group of that name, or nil.
func (s *Snapshot) GroupByName(account, name string) *Group {
	a := s.accounts.get(account)
	if a == nil {
		return nil
	}
	for _, id := range a.byName.from(nameKey(name, "")) {
		if g := a.groups.get(id).object; g.Name == name {
			return g
		}
		break
	}
	return nil
}

// DefaultGroup returns the account's default group, or nil while it is absent.
func (s *Snapshot) DefaultGroup(account string) *Group {
	if a := s.accounts.get(account); a != nil && len(a.defaults) > 0 {
		return a.groups.get(a.defaults[0]).object
	}
	return nil
}

// Domain returns the routing domain of n's network, "" if that is absent.
func (s *Snapshot) Domain(n *NIC) string {
	if net := s.Network(n.Network); net != nil {
		return net.RoutingDomain
	}
	return ""
}
