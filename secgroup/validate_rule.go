package secgroup

import "net/netip"

// Normalize brings a rule to its stored form and fills in the defaults: the
// protocol in lower case, the cidr without host bits and not IPv4-mapped, the
// family that of the cidr if there is one and else any, port_max = port_min if
// only that is given. What is wrong stays wrong, for Validate to name.
func (r *Rule) Normalize() {
	if p, err := ParseProtocol(string(r.Protocol)); err == nil {
		r.Protocol = p
	}
	if r.RemoteCIDR.IsValid() {
		r.RemoteCIDR = unmap(r.RemoteCIDR)
	}
	if r.Family == "" {
		r.Family = FamilyAny
		if r.RemoteCIDR.IsValid() {
			r.Family = FamilyOf(r.RemoteCIDR.Addr())
		}
	}
	if r.PortMax == 0 {
		r.PortMax = r.PortMin
	}
	if r.Origin == "" {
		r.Origin = OriginUser
	}
}

// FamilyOf returns the family of an address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() || a.Is4In6() {
		return FamilyIPv4
	}
	return FamilyIPv6
}

// Validate returns every fault of a normalised rule. Whether its remote group
// exists is not seen here.
func (r Rule) Validate() Faults {
	var f Faults
	f.check(ValidID(r.ID), idDetail, "id")
	f.check(r.Direction == Ingress || r.Direction == Egress, "direction is ingress or egress", "direction")
	f.check(r.Family == FamilyAny || r.Family == FamilyIPv4 || r.Family == FamilyIPv6, "family is any, ipv4 or ipv6", "family")
	if p, err := ParseProtocol(string(r.Protocol)); err != nil {
		f.add(CodeInvalidValue, "protocol is all, tcp, udp, icmp or a number 0-255", "protocol")
	} else {
		f.check(p == r.Protocol, "not in its stored form "+string(p), "protocol")
		r.validatePorts(&f)
		r.validateICMP(&f)
	}
	r.validatePeer(&f)
	f.check(description(r.Description), "description is at most 1024 characters of printable text", "description")
	f.check(r.Origin == OriginUser || r.Origin == OriginDefault, "origin is user or default", "origin")
	return f
}

func (r *Rule) validatePorts(f *Faults) {
	if !r.Protocol.HasPorts() {
		if r.PortMin != 0 {
			f.add(CodePortNotAllowed, "only tcp and udp have ports", "port_min")
		}
		if r.PortMax != 0 {
			f.add(CodePortNotAllowed, "only tcp and udp have ports", "port_max")
		}
		return
	}
	switch {
	case r.PortMin == 0 && r.PortMax != 0:
		f.add(CodeInvalidValue, "port_max needs port_min", "port_min")
	case r.PortMin > r.PortMax:
		f.add(CodeOutOfRange, "port_max is less than port_min", "port_max")
	}
}

func (r *Rule) validateICMP(f *Faults) {
	if r.Protocol != ProtocolICMP {
		f.check(!r.ICMPType.Set, "only protocol icmp has types", "icmp_type")
		f.check(!r.ICMPCode.Set, "only protocol icmp has codes", "icmp_code")
		return
	}
	if r.ICMPCode.Set {
		f.check(r.ICMPType.Set, "a code needs icmp_type", "icmp_code")
		f.check(r.Family != FamilyAny, "a code needs family ipv4 or ipv6: the codes differ", "icmp_code")
	}
}

func (r *Rule) validatePeer(f *Faults) {
	if p := r.RemoteCIDR; p != (netip.Prefix{}) {
		switch {
		case !p.IsValid():
			f.add(CodeInvalidValue, "not a CIDR", "remote_cidr")
		case p != unmap(p):
			f.add(CodeInvalidValue, "not in its stored form "+unmap(p).String(), "remote_cidr")
		case r.Family != FamilyAny && r.Family != FamilyOf(p.Addr()):
			f.add(CodeFamilyMismatch, "the cidr is not of family "+string(r.Family), "remote_cidr")
		}
	}
	if g := r.RemoteGroup; g != (GroupRef{}) {
		f.check(ValidID(g.Account) && ValidID(g.ID), idDetail, "remote_group")
	}
}
