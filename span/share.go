// Package span says which part of the policy a host needs: its share. It is
// resolved: groups judge NICs by name, not by attachments, scopes and defaults,
// and a group that rules name is the addresses of its members. So a host derives
// nothing from objects that it does not see, and sees nothing of tenants that
// have nothing to do with its NICs.
//
//	                 Touched                Delta
//	Snapshot.Apply ───────────► Index.Apply ───────► Share.Apply ──► ofrules
//	                              ▲     one a host
//	what is plugged where ────────┘     that is concerned
//
// What holds (share_test.go, index_test.go):
//
//   - Deltas lead where Span does: a host that applied all of them has the
//     share that Span makes of the policy of the last.
//   - A share is enough: the flows that it yields are those that the whole policy
//     would.
//   - A change is as much work, and an Index as much memory, as there are hosts
//     and objects that it concerns.
//
// Package span does no I/O and does not lock.
package span

import (
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
)

// Share is what a host needs of the policy to serve the NICs that are plugged
// there. Its objects are the policy's without what decides nothing: texts, times
// and revisions. They are never changed, but replaced; whoever reads a Share must
// not change them either.
type Share struct {
	// NICs has an entry for each NIC that is plugged, and no other.
	NICs map[string]NIC
	// Networks are those of the NICs, as far as they are there.
	Networks map[string]*secgroup.Network
	// Groups are those that judge a NIC that is filtered, with their rules.
	Groups map[secgroup.GroupRef]*secgroup.Group
	// Members are the addresses of the groups that enabled rules of Groups name, by
	// routing domain, in the domains of the NICs' networks. Each list is sorted,
	// and none is empty.
	Members map[secgroup.GroupRef]map[string][]netip.Addr
	// Baseline is never nil.
	Baseline *secgroup.Baseline
}

// NIC is one that is plugged.
type NIC struct {
	// Record is nil if the policy has no NIC of that id. Of one that may not be
	// plugged at the host it says where it may, and nothing else.
	Record *secgroup.NIC
	// Groups are those that judge it, sorted. It is empty while nothing may pass:
	// its account has no default group, or it has an attachment that is closed.
	Groups []secgroup.GroupRef
}

// Label is a group in one routing domain: what an address there can be a member
// of.
type Label struct {
	Group  secgroup.GroupRef
	Domain string
}

// NewShare returns one that has nothing.
func NewShare() *Share {
	return &Share{
		NICs: map[string]NIC{}, Networks: map[string]*secgroup.Network{}, Groups: map[secgroup.GroupRef]*secgroup.Group{},
		Members: map[secgroup.GroupRef]map[string][]netip.Addr{}, Baseline: &secgroup.Baseline{},
	}
}

// setMembers replaces the list of one label.
func (s *Share) setMembers(l Label, members []netip.Addr) {
	switch domains := s.Members[l.Group]; {
	case len(members) > 0 && domains == nil:
		s.Members[l.Group] = map[string][]netip.Addr{l.Domain: members}
	case len(members) > 0:
		domains[l.Domain] = members
	case len(domains) > 1:
		delete(domains, l.Domain)
	default:
		if _, last := domains[l.Domain]; last {
			delete(s.Members, l.Group)
		}
	}
}
