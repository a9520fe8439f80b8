package plan

import (
	"cmp"
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
)

// Service is what a rule lets pass, apart from the remote. Ports are 0 and
// 65535 for all; they and the ICMP fields are for the protocols that have them.
type Service struct {
	Family           secgroup.Family
	Protocol         secgroup.Protocol
	PortMin, PortMax uint16
	ICMPType         secgroup.Opt8
	ICMPCode         secgroup.Opt8
}

// Remote is the other end: everything if it is zero, and what is in both if
// both are set.
type Remote struct {
	CIDR  netip.Prefix
	Group secgroup.GroupRef
}

func serviceOf(r *secgroup.Rule) Service {
	s := Service{Family: r.Family, Protocol: r.Protocol, ICMPType: r.ICMPType, ICMPCode: r.ICMPCode}
	if s.ported() {
		s.PortMin, s.PortMax = r.PortMin, r.PortMax
		if s.PortMin == 0 && s.PortMax == 0 {
			s.PortMax = 65535
		} else if s.PortMax == 0 {
			s.PortMax = s.PortMin
		}
	}
	return s
}

func (s Service) ported() bool {
	return s.Protocol == secgroup.ProtocolTCP || s.Protocol == secgroup.ProtocolUDP
}

// covers reports whether s lets pass all that t does, ports apart.
func (s Service) covers(t Service) bool {
	switch {
	case s.Family != secgroup.FamilyAny && s.Family != t.Family:
		return false
	case s.Protocol == secgroup.ProtocolAll:
		return true
	case s.Protocol != t.Protocol:
		return false
	case s.ICMPType.Set && s.ICMPType != t.ICMPType:
		return false
	}
	return !s.ICMPCode.Set || s.ICMPCode == t.ICMPCode
}

// within is what of s is of one family, which s is about, with the protocol by its
// name if it has one there.
func (s Service) within(f secgroup.Family) Service {
	s.Family = f
	switch {
	case s.Protocol == "6":
		s.Protocol, s.PortMax = secgroup.ProtocolTCP, 65535
	case s.Protocol == "17":
		s.Protocol, s.PortMax = secgroup.ProtocolUDP, 65535
	case s.Protocol == "1" && f == secgroup.FamilyIPv4, s.Protocol == "58" && f == secgroup.FamilyIPv6:
		s.Protocol = secgroup.ProtocolICMP
	}
	return s
}

// overlaps reports whether s and t, of one family, let anything pass both.
func (s Service) overlaps(t Service) bool {
	either := func(a, b secgroup.Opt8) bool { return !a.Set || !b.Set || a == b }
	switch {
	case s.Protocol == secgroup.ProtocolAll || t.Protocol == secgroup.ProtocolAll:
		return true
	case s.Protocol != t.Protocol:
		return false
	case s.ported():
		return s.PortMin <= t.PortMax && t.PortMin <= s.PortMax
	}
	return either(s.ICMPType, t.ICMPType) && either(s.ICMPCode, t.ICMPCode)
}

// covers reports whether all remotes of t are of r, whatever the groups'
// members are.
func (r Remote) covers(t Remote) bool {
	if r.Group != (secgroup.GroupRef{}) && r.Group != t.Group {
		return false
	}
	return !r.CIDR.IsValid() || t.CIDR.IsValid() && r.CIDR.Bits() <= t.CIDR.Bits() && r.CIDR.Contains(t.CIDR.Addr())
}

// without returns what is in all but not in others, port ranges cut to what is left.
func without(all, others []Access) []Access {
	var out []Access
	for _, a := range all {
		left := []Access{a}
		for i := range others {
			o := &others[i]
			if o.Direction == a.Direction && o.Service.covers(a.Service) && o.Remote.covers(a.Remote) {
				left = cut(left, o.Service)
			}
		}
		out = append(out, left...)
	}
	return out
}

// cut takes a service's ports out of each; all, if it has none.
func cut(all []Access, s Service) []Access {
	if !s.ported() {
		return nil
	}
	var out []Access
	for _, a := range all {
		if a.Service.PortMin < s.PortMin {
			low := a
			low.Service.PortMax = min(a.Service.PortMax, s.PortMin-1)
			out = append(out, low)
		}
		if a.Service.PortMax > s.PortMax {
			high := a
			high.Service.PortMin = max(a.Service.PortMin, s.PortMax+1)
			out = append(out, high)
		}
	}
	return out
}

func (s Service) compare(t Service) int {
	opt := func(o secgroup.Opt8) int {
		if !o.Set {
			return -1
		}
		return int(o.Value)
	}
	return cmp.Or(cmp.Compare(s.Family, t.Family), cmp.Compare(s.Protocol, t.Protocol), cmp.Compare(s.PortMin, t.PortMin),
		cmp.Compare(s.PortMax, t.PortMax), cmp.Compare(opt(s.ICMPType), opt(t.ICMPType)), cmp.Compare(opt(s.ICMPCode), opt(t.ICMPCode)))
}

func (r Remote) compare(t Remote) int {
	return cmp.Or(r.CIDR.Addr().Compare(t.CIDR.Addr()), cmp.Compare(r.CIDR.Bits(), t.CIDR.Bits()), r.Group.Compare(t.Group))
}
