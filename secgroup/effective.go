package secgroup

import (
	"net/netip"
	"slices"
)

// Via says how a group came to judge a NIC.
type Via string

// The ways, strongest first.
const (
	ViaNIC      Via = "nic"      // attached to the NIC
	ViaInstance Via = "instance" // attached to its instance
	ViaDefault  Via = "default"  // nothing attached acts there: the account's default group
)

// Effective is a group that judges a NIC.
type Effective struct {
	Group GroupRef
	Via   Via
}

// node returns the node from which G(n) is to be read. A NIC that is not of
// the snapshot (one that is about to be put) gets a passing node.
func (s *Snapshot) node(n *NIC) *nicNode {
	known := s.nics[n.ID]
	if known != nil && known.derived == n {
		return known
	}
	passing := &nicNode{id: n.ID, object: n, account: s.accounts[n.Account]}
	if passing.account == nil {
		passing.account = &accountNode{id: n.Account}
	}
	if known != nil {
		passing.attached, passing.closed = known.attached, known.closed
	}
	if n.Instance != "" {
		passing.instance = s.instances[InstanceRef{n.Account, n.Instance}]
	}
	passing.effective, _ = passing.judges()
	return passing
}

// EffectiveGroups returns G(n), the groups that judge n, sorted by reference:
// those attached to n or its instance whose scope contains n's network, or else
// the account's default group. A group attached both ways is shown ViaNIC. It
// is empty only while the account has no default group and with a closed
// attachment; such a NIC has no policy and nothing may pass.
func (s *Snapshot) EffectiveGroups(n *NIC) []Effective {
	node := s.node(n)
	all := make([]Effective, 0, len(node.effective))
	for _, g := range node.effective {
		via := ViaDefault
		switch {
		case slices.Contains(node.attached, g):
			via = ViaNIC
		case node.instance != nil && slices.Contains(node.instance.attached, g):
			via = ViaInstance
		}
		// The default group may be attached, yet not act in this network and
		// still judge it as the implicit one.
		if via != ViaDefault && !g.acts(n.Network) {
			via = ViaDefault
		}
		all = append(all, Effective{g.ref, via})
	}
	return all
}

// Judges reports whether g ∈ G(n), and n is a member of g: that is the same but
// for a closed group, which has no members.
func (s *Snapshot) Judges(g GroupRef, n *NIC) bool {
	return s.node(n).judgedBy(g)
}

func (n *nicNode) judgedBy(g GroupRef) bool {
	return slices.ContainsFunc(n.effective, func(e *groupNode) bool { return e.ref == g && !e.isClosed() })
}

// isClosed reports whether the group has no members although it judges NICs.
func (g *groupNode) isClosed() bool { return g.object != nil && g.object.Closed }

// MemberNICs returns the NICs that g judges, sorted by id: also those that it
// judges as their account's default group.
func (s *Snapshot) MemberNICs(g GroupRef) []*NIC {
	if node := s.groups[g]; node != nil && !node.isClosed() {
		return nicObjects(&node.members)
	}
	return nil
}

// IsMember reports whether (domain, a) ∈ M(g).
func (s *Snapshot) IsMember(g GroupRef, domain string, a netip.Addr) bool {
	d := s.domains[domain]
	return d != nil && d.holds(a.Unmap(), func(n *nicNode) bool { return n.judgedBy(g) })
}
