package secgroup

import "slices"

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

// effective returns G(n), also of a NIC that is not of the snapshot: one that is
// about to be put. explicit reports whether an attached group is in it: then all of
// it is attached, and those in attached are so to the NIC itself.
func (s *Snapshot) effective(n *NIC) (groups, attached []GroupRef, explicit bool) {
	node := s.nics.get(n.ID)
	if node != nil && node.object == n {
		return node.effective, node.attached, node.explicit
	}
	if node != nil {
		attached = node.attached
	}
	groups, explicit = s.judges(n)
	return groups, attached, explicit
}

// EffectiveGroups returns G(n), the groups that judge n, sorted by reference:
// those attached to n or its instance whose scope contains n's network, or else
// the account's default group. A group attached both ways is shown ViaNIC. It
// is empty only while the account has no default group and with a closed
// attachment; such a NIC has no policy and nothing may pass.
func (s *Snapshot) EffectiveGroups(n *NIC) []Effective {
	groups, attached, explicit := s.effective(n)
	all := make([]Effective, len(groups))
	for i, g := range groups {
		via := ViaInstance
		switch {
		case !explicit:
			via = ViaDefault
		case slices.Contains(attached, g):
			via = ViaNIC
		}
		all[i] = Effective{g, via}
	}
	return all
}

// Judges reports whether g ∈ G(n), and n is a member of g: that is the same but
// for a closed group, which has no members.
func (s *Snapshot) Judges(g GroupRef, n *NIC) bool {
	groups, _, _ := s.effective(n)
	return slices.Contains(groups, g) && !s.isClosed(g)
}

// isClosed reports whether the group has no members although it judges NICs.
func (s *Snapshot) isClosed(r GroupRef) bool {
	g := s.Group(r)
	return g != nil && g.Closed
}
