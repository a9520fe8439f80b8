package impact

import (
	"maps"
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// Address is an address in a routing domain.
type Address struct {
	Domain string
	Addr   netip.Addr
}

// Loss says which connections may have ceased to be allowed, seen from the end
// of a NIC. Changes that only add have none.
type Loss struct {
	All    bool                           // every connection
	NICs   map[string]struct{}            // those of these NICs
	Groups map[secgroup.GroupRef]struct{} // those of the NICs that these judge
	// Named are groups whose rules name a group that has lost members: of the NICs
	// that they judge, connections with an end at one of LeftAddresses.
	Named         map[secgroup.GroupRef]struct{}
	LeftAddresses map[Address]struct{}
	// EndAddresses are the addresses of NICs whose own end may refuse what it let pass, as
	// they were and as they are; also of NICs that came to where nobody of ours was.
	// The other end need not judge again, unless it answers for both (Conn.Both).
	EndAddresses map[Address]struct{}
	// Filtered are those of NICs that were not filtered and are now: nothing has
	// judged what connections they have.
	Filtered map[string]struct{}
}

// FilteredAnew reports whether a NIC, nil for absent, was not filtered and is now.
// One that was absent had no connections: nothing passes without a policy.
func FilteredAnew(old, now *secgroup.NIC) bool {
	return old != nil && now != nil && old.Enforcement == secgroup.EnforcementOff && now.Enforcement != secgroup.EnforcementOff
}

// Empty reports whether nothing is lost.
func (l *Loss) Empty() bool {
	return !l.All && len(l.NICs)+len(l.Groups)+len(l.Named)+len(l.EndAddresses) == 0
}

// Merge adds another loss.
func (l *Loss) Merge(o Loss) {
	l.All = l.All || o.All
	Merge(&l.NICs, o.NICs)
	Merge(&l.Groups, o.Groups)
	Merge(&l.Named, o.Named)
	Merge(&l.LeftAddresses, o.LeftAddresses)
	Merge(&l.EndAddresses, o.EndAddresses)
	Merge(&l.Filtered, o.Filtered)
}

// Clone returns a copy that merges leave alone.
func (l *Loss) Clone() Loss {
	return Loss{
		All: l.All, NICs: maps.Clone(l.NICs), Groups: maps.Clone(l.Groups),
		Named: maps.Clone(l.Named), LeftAddresses: maps.Clone(l.LeftAddresses), EndAddresses: maps.Clone(l.EndAddresses), Filtered: maps.Clone(l.Filtered),
	}
}

// Reaches reports whether a connection of NIC id can be among the lost ones; both
// is whether there may be connections whose two ends that NIC answers for. s has
// the change.
func (l *Loss) Reaches(s Host, id string, both bool) bool {
	if _, ok := l.NICs[id]; ok || l.All {
		return true
	}
	n := s.NIC(id)
	if n == nil {
		return false
	}
	if judgedByOne(s, n, l.Groups) || judgedByOne(s, n, l.Named) {
		return true
	}
	if !both {
		return false
	}
	if len(l.Groups)+len(l.Named) > 0 {
		return true // the NIC at the other end may be theirs
	}
	domain := s.Domain(n)
	for p := range l.EndAddresses {
		if p.Domain == domain {
			return true
		}
	}
	return false
}

// Touches reports whether a connection that NIC n has is among the lost ones. s
// has the change.
func (l *Loss) Touches(s Host, n *secgroup.NIC, c Conn) bool {
	domain := s.Domain(n)
	if l.touchesEnd(s, n, domain, c) {
		return true
	}
	if !c.Both {
		return false
	}
	for _, a := range []netip.Addr{c.Packet.Src, c.Packet.Dst} {
		if _, ok := l.EndAddresses[Address{domain, a}]; ok {
			return true
		}
		if len(l.Groups)+len(l.Named) == 0 {
			continue
		}
		for _, o := range s.NICsByAddress(domain, a) {
			if o.ID != n.ID && l.touchesEnd(s, o, domain, c) {
				return true
			}
		}
	}
	return false
}

// touchesEnd reports whether n, as one end of a connection, may refuse it now.
func (l *Loss) touchesEnd(s verdict.Policy, n *secgroup.NIC, domain string, c Conn) bool {
	if _, ok := l.NICs[n.ID]; ok || l.All || judgedByOne(s, n, l.Groups) {
		return true
	}
	_, src := l.LeftAddresses[Address{domain, c.Packet.Src}]
	_, dst := l.LeftAddresses[Address{domain, c.Packet.Dst}]
	return (src || dst) && judgedByOne(s, n, l.Named)
}

// Merge puts all of from into a set, which may be nil.
func Merge[K comparable](to *map[K]struct{}, from map[K]struct{}) {
	if *to == nil && len(from) > 0 {
		*to = make(map[K]struct{}, len(from))
	}
	maps.Copy(*to, from)
}
