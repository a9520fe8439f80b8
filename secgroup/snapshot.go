package secgroup

import (
	"net/netip"
	"slices"
)

// Snapshot is the whole policy at one store revision, with the indexes that
// every question of docs/semantics.md §2 needs. Apply changes it in place. Reads may
// go on together but not with Apply: callers lock.
//
// Names without an object are legal, since the objects of a full load come in
// any order and a deletion may precede that of what names it: a group that is
// absent judges nobody, a NIC whose network is absent has no routing domain and
// its addresses belong to nobody, and all is right once the object appears.
type Snapshot struct {
	revision    int64
	accounts    map[string]*accountNode
	networks    map[string]*networkNode
	instances   map[InstanceRef]*instanceNode
	groups      map[GroupRef]*groupNode
	nics        map[string]*nicNode
	nicOrder    ordered[*nicNode] // those with an object, as are the next two
	allAccounts ordered[*accountNode]
	allNetworks ordered[*networkNode]
	macs        map[MAC][]*nicNode // those with an object, each list in no order
	domains     map[string]*domain
	baseline    *Baseline
	closed      map[Attachment]struct{} // by name: without Holder and Closed
}

// NewSnapshot returns an empty policy at revision 0.
func NewSnapshot() *Snapshot {
	return &Snapshot{
		accounts:  map[string]*accountNode{},
		networks:  map[string]*networkNode{},
		instances: map[InstanceRef]*instanceNode{},
		groups:    map[GroupRef]*groupNode{},
		nics:      map[string]*nicNode{},
		macs:      map[MAC][]*nicNode{},
		domains:   map[string]*domain{},
		baseline:  &Baseline{},
	}
}

// Revision is the store revision that the last Apply was given.
func (s *Snapshot) Revision() int64 { return s.revision }

// Account returns the account, or nil.
func (s *Snapshot) Account(id string) *Account {
	if a := s.accounts[id]; a != nil {
		return a.object
	}
	return nil
}

// Network returns the network, or nil.
func (s *Snapshot) Network(id string) *Network {
	if n := s.networks[id]; n != nil {
		return n.object
	}
	return nil
}

// Instance returns the instance, or nil.
func (s *Snapshot) Instance(r InstanceRef) *Instance {
	if i := s.instances[r]; i != nil {
		return i.object
	}
	return nil
}

// NIC returns the NIC, or nil.
func (s *Snapshot) NIC(id string) *NIC {
	if n := s.nics[id]; n != nil {
		return n.object
	}
	return nil
}

// Group returns the group, or nil.
func (s *Snapshot) Group(r GroupRef) *Group {
	if g := s.groups[r]; g != nil {
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
	a := s.accounts[account]
	if a == nil {
		return nil
	}
	for _, c := range a.byName.chunks {
		if i, _ := slices.BinarySearchFunc(c, name, func(g *Group, name string) int {
			if g.Name < name {
				return -1
			}
			return 1
		}); i < len(c) {
			if c[i].Name == name {
				return c[i]
			}
			return nil
		}
	}
	return nil
}

// DefaultGroup returns the account's default group, or nil while it is absent.
func (s *Snapshot) DefaultGroup(account string) *Group {
	if a := s.accounts[account]; a != nil && len(a.defaults) > 0 {
		return a.defaults[0].object
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

// NICsByAddress returns the NICs that hold address a in a routing domain (see
// MemberAddresses): those whose own it is before those that may use it besides,
// each sorted by id. In domain "" nothing is held.
func (s *Snapshot) NICsByAddress(domain string, a netip.Addr) []*NIC {
	d := s.domains[domain]
	if d == nil {
		return nil
	}
	a = a.Unmap()
	if n := d.single[a]; n != nil {
		return []*NIC{n.object}
	}
	holders := d.shared[a]
	if holders == nil {
		return nil
	}
	all := make([]*NIC, 0, len(holders))
	for _, n := range holders {
		all = append(all, n.object)
	}
	return all
}
