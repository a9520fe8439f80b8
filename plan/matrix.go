package plan

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// A matrix says who may talk to whom in an account, rule by rule: each rule
// opens one end of connections between a group's NICs and its remote, and
// whether they come about is up to the other end. If that is a group of the
// account as well, the matrix says how many of its NICs let them pass.

// MaxMatrix is how many entries a matrix has at most.
const MaxMatrix = 20000

// MatrixFilter says what a matrix is about; all that there is if it is zero.
type MatrixFilter struct {
	Network string            // NICs of this network alone, and groups that have some there
	Group   secgroup.GroupRef // entries that have the group at an end
}

// Matrix is who may talk to whom.
type Matrix struct {
	Groups  []MatrixGroup
	Peers   []MatrixPeer
	Entries []MatrixEntry // by group and rule
	More    bool          // than MaxMatrix entries
}

// MatrixGroup is a group of the account, or another's that a rule names.
type MatrixGroup struct {
	*secgroup.Group
	NICs       int // of the account, that the group judges
	Restricted int // of them, with restricted egress
}

// MatrixPeer is a CIDR that rules name without a group.
type MatrixPeer struct {
	CIDR   netip.Prefix
	Groups []PeerGroup // with NICs that have an address in it
}

// PeerGroup is how many NICs of a group a peer holds.
type PeerGroup struct {
	Group secgroup.GroupRef
	NICs  int
}

// MatrixEntry is what an enabled rule opens.
type MatrixEntry struct {
	Group     secgroup.GroupRef // the rule's
	Rule      *secgroup.Rule
	Remote    Remote    // the other end; everything if zero
	OtherEnd  *OtherEnd // nil: not for the account to know, or no NICs of ours
	Direction secgroup.Direction
	Service   Service
}

// matrixInput is what a matrix is worked out from.
type matrixInput struct {
	s       *secgroup.Snapshot
	account string
	filter  MatrixFilter
	own     []*secgroup.Group                  // of the account
	members map[secgroup.GroupRef][]*matrixNIC // by what judges them
}

// matrixNIC is a NIC of the account.
type matrixNIC struct {
	*secgroup.NIC
	class      string // the same for NICs that the same judges in the same way
	domain     string
	groups     []secgroup.GroupRef
	addresses  []netip.Addr
	open       bool // it is not filtered
	restricted bool // its egress is
}

func newMatrixInput(s *secgroup.Snapshot, account string, f MatrixFilter) *matrixInput {
	in := &matrixInput{s: s, account: account, filter: f, own: s.Groups(account), members: map[secgroup.GroupRef][]*matrixNIC{}}
	for _, n := range s.NICsOfAccount(account) {
		if f.Network != "" && n.Network != f.Network {
			continue
		}
		m := &matrixNIC{NIC: n, class: judged(s, n).name, domain: s.Domain(n), addresses: secgroup.MemberAddresses(n), open: n.Enforcement == secgroup.EnforcementOff}
		for _, e := range s.EffectiveGroups(n) {
			in.members[e.Group] = append(in.members[e.Group], m)
			m.groups = append(m.groups, e.Group)
			m.restricted = m.restricted || !m.open && secgroup.EgressRestricts(s.Group(e.Group))
		}
	}
	return in
}

// MatrixOf works out who may talk to whom in an account.
func MatrixOf(s *secgroup.Snapshot, account string, f MatrixFilter) Matrix {
	return newMatrixInput(s, account, f).matrix()
}

func (in *matrixInput) matrix() Matrix {
	out := Matrix{}
	ends := &matrixEnds{in: in, covered: map[coverKey]cover{}}
	peers := map[netip.Prefix]bool{}
	named := map[secgroup.GroupRef]bool{}
	for _, g := range in.own {
		if in.filter.Network != "" && len(in.members[g.GroupRef]) == 0 {
			continue
		}
		named[g.GroupRef] = true
		for i := range g.Rules {
			r := &g.Rules[i]
			if !r.Enabled || !in.wanted(g.GroupRef, r.RemoteGroup) {
				continue
			}
			if len(out.Entries) == MaxMatrix {
				out.More = true
				continue
			}
			a := accessOf(g.GroupRef, r)
			e := MatrixEntry{Group: g.GroupRef, Rule: r, Remote: a.Remote, Direction: r.Direction, Service: a.Service}
			switch {
			case a.Remote.Group == secgroup.GroupRef{} && a.Remote.CIDR.IsValid():
				peers[a.Remote.CIDR] = true
			case a.Remote.Group.Account == in.account:
				e.OtherEnd = ends.judge(&e)
			case a.Remote.Group != secgroup.GroupRef{}:
				named[a.Remote.Group] = true
			}
			out.Entries = append(out.Entries, e)
		}
	}
	for _, ref := range slices.SortedFunc(maps.Keys(named), secgroup.GroupRef.Compare) {
		if g := in.s.Group(ref); g != nil {
			out.Groups = append(out.Groups, in.group(g))
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(peers), func(a, b netip.Prefix) int { return cmp.Or(a.Addr().Compare(b.Addr()), a.Bits()-b.Bits()) }) {
		out.Peers = append(out.Peers, in.peer(p))
	}
	return out
}

// wanted reports whether the filter lets the rules of a group with a remote group
// pass.
func (in *matrixInput) wanted(g, remote secgroup.GroupRef) bool {
	if in.filter.Group != (secgroup.GroupRef{}) && g != in.filter.Group && remote != in.filter.Group {
		return false
	}
	return in.filter.Network == "" || remote.Account != in.account || len(in.members[remote]) > 0
}

func (in *matrixInput) group(g *secgroup.Group) MatrixGroup {
	out := MatrixGroup{Group: g, NICs: len(in.members[g.GroupRef])}
	for _, n := range in.members[g.GroupRef] {
		if n.restricted {
			out.Restricted++
		}
	}
	return out
}

func (in *matrixInput) peer(p netip.Prefix) MatrixPeer {
	out := MatrixPeer{CIDR: p}
	for _, g := range in.own {
		inside := 0
		for _, n := range in.members[g.GroupRef] {
			if n.within(p) {
				inside++
			}
		}
		if inside > 0 {
			out.Groups = append(out.Groups, PeerGroup{g.GroupRef, inside})
		}
	}
	return out
}

// within reports whether the NIC has an address in p, any at all if p is zero.
func (n *matrixNIC) within(p netip.Prefix) bool {
	return slices.ContainsFunc(n.addresses, func(a netip.Addr) bool { return !p.IsValid() || p.Contains(a) })
}
