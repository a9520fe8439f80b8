package secgroup

// Why a rule matches nothing.
const (
	InertEmptyIntersection = "empty-intersection" // of its cidr and its group
	InertCTInvalid         = "ct-invalid"         // its messages belong to a connection, or are dropped
)

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
