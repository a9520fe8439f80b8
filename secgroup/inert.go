package secgroup

// InertEmptyIntersection is why a rule with a cidr and a group matches nothing.
const InertEmptyIntersection = "empty-intersection"

// Inert says why a rule can match nothing for now, "" if it can: its cidr holds
// no address of its remote group's members, in whatever routing domain. A rule
// that matches in one domain is not inert although NICs of another domain get
// nothing of it. It stops at the first address that both hold and costs the
// group's members only when there is none.
func (r *Rule) Inert(s *Snapshot) string {
	if !r.RemoteCIDR.IsValid() || r.RemoteGroup == (GroupRef{}) {
		return ""
	}
	if g := s.groups[r.RemoteGroup]; g != nil && !g.isClosed() {
		for n := range g.members.all() {
			if n.domain == nil {
				continue
			}
			for _, a := range MemberAddresses(n.object) {
				if r.RemoteCIDR.Contains(a) {
					return ""
				}
			}
		}
	}
	return InertEmptyIntersection
}
