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

// Loss says which open connections a change may have taken away what allowed them. A
// connection is in it by the NIC in whose zone it is. The loss of a change that only adds
// is empty.
type Loss struct {
	All    bool                           // every connection
	NICs   map[string]struct{}            // the connections of these NICs
	Groups map[secgroup.GroupRef]struct{} // the connections of the NICs that these judge
	// Named are groups whose rules name a group that has lost members. Of the NICs that
	// they judge those connections are lost that have an end at one of LeftAddresses.
	Named         map[secgroup.GroupRef]struct{}
	LeftAddresses map[Address]struct{}
	// EndAddresses are the old and new addresses of NICs whose own end may refuse now what
	// it let pass before, and the addresses that NICs have got. They matter only where a
	// connection is judged for both ends (Conn.Both).
	EndAddresses map[Address]struct{}
	// Filtered are the NICs that were not filtered before and are now: their open
	// connections have never been judged.
	Filtered map[string]struct{}
}

// FilteredAnew reports whether a NIC was not filtered before and is now. Either may be nil
// for a NIC that is not there. One that was not there had no connections, since nothing
// passes to or from a NIC that the policy does not have.
func FilteredAnew(old, now *secgroup.NIC) bool {
	return old != nil && now != nil && old.Enforcement == secgroup.EnforcementOff && now.Enforcement != secgroup.EnforcementOff
}

// Empty reports whether no connection is in the loss.
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

// Clone returns a copy that shares no map with l.
func (l *Loss) Clone() Loss {
	return Loss{
		All: l.All, NICs: maps.Clone(l.NICs), Groups: maps.Clone(l.Groups),
		Named: maps.Clone(l.Named), LeftAddresses: maps.Clone(l.LeftAddresses), EndAddresses: maps.Clone(l.EndAddresses), Filtered: maps.Clone(l.Filtered),
	}
}

// Reaches reports whether any connection of NIC id can be in the loss, so that the NIC's
// zone has to be listed. both says that the NIC may have connections with Conn.Both. s is the
// policy after the change.
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

// Touches reports whether a connection of NIC n is in the loss, so that it has to be judged
// again. s is the policy after the change.
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

// touchesEnd reports whether n, which is at one end of a connection, may refuse it now.
func (l *Loss) touchesEnd(s verdict.Policy, n *secgroup.NIC, domain string, c Conn) bool {
	if _, ok := l.NICs[n.ID]; ok || l.All || judgedByOne(s, n, l.Groups) {
		return true
	}
	_, src := l.LeftAddresses[Address{domain, c.Packet.Src}]
	_, dst := l.LeftAddresses[Address{domain, c.Packet.Dst}]
	return (src || dst) && judgedByOne(s, n, l.Named)
}

// Merge adds all elements of from to a set, which is made if it is nil.
func Merge[K comparable](to *map[K]struct{}, from map[K]struct{}) {
	if *to == nil && len(from) > 0 {
		*to = make(map[K]struct{}, len(from))
	}
	maps.Copy(*to, from)
}
