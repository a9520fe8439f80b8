package secgroup

// Why a rule matches nothing.
const (
	InertEmptyIntersection = "empty-intersection" // of its cidr and its group
	InertCTInvalid         = "ct-invalid"         // its messages belong to a connection, or are dropped
)

// Inert says why a rule can match nothing for now, "" if it can: its cidr holds
// no address of its remote group's members, in whatever routing domain, or it
// names ICMP messages that need no rule where they belong to a connection and
// are invalid where they do not. A rule that matches in one domain is not inert
// although NICs of another domain get nothing of it. It stops at the first
// address that both hold and costs the group's members only when there is none.
func (r *Rule) Inert(s *Snapshot) string {
	if r.CTInvalid() {
		return InertCTInvalid
	}
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

// CTInvalid reports whether no message that the rule names begins anything, in
// any family that it acts on.
func (r *Rule) CTInvalid() bool {
	if r.Protocol != ProtocolICMP || !r.ICMPType.Set {
		return false
	}
	for _, f := range []Family{FamilyIPv4, FamilyIPv6} {
		if r.Family != FamilyAny && r.Family != f || r.RemoteCIDR.IsValid() && FamilyOf(r.RemoteCIDR.Addr()) != f {
			continue
		}
		code := uint8(0) // one of all codes
		if r.ICMPCode.Set {
			code = r.ICMPCode.Value
		}
		if ICMPBegins(f, r.ICMPType.Value, code) {
			return false
		}
	}
	return true
}
