package policytest

import (
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
)

// rule draws a valid rule of a group: every direction, family, service and kind
// of remote.
func (g *Gen) rule(s *secgroup.Snapshot, of secgroup.GroupRef, id string) secgroup.Rule {
	r := secgroup.Rule{ID: id, Direction: secgroup.Ingress, Enabled: !g.chance(12), Origin: secgroup.OriginUser}
	if g.chance(40) {
		r.Direction = secgroup.Egress
	}
	r.Family = []secgroup.Family{secgroup.FamilyAny, secgroup.FamilyIPv4, secgroup.FamilyIPv6}[g.weighted(40, 40, 20)]
	g.remote(s, of, &r)
	g.service(&r)
	r.Normalize()
	return r
}

// remote draws a rule's remote: everything, a cidr, a group, or both.
func (g *Gen) remote(s *secgroup.Snapshot, of secgroup.GroupRef, r *secgroup.Rule) {
	r.RemoteCIDR, r.RemoteGroup = netip.Prefix{}, secgroup.GroupRef{}
	kind := g.weighted(15, 30, 30, 25)
	if kind == 1 || kind == 3 {
		v6 := r.Family == secgroup.FamilyIPv6 || r.Family == secgroup.FamilyAny && g.chance(30)
		r.RemoteCIDR = g.cidr(v6)
	}
	if kind == 2 || kind == 3 {
		r.RemoteGroup = g.remoteGroup(s, of)
	}
}

// remoteGroup draws a group: of the own account more often, seldom one that is
// not there.
func (g *Gen) remoteGroup(s *secgroup.Snapshot, of secgroup.GroupRef) secgroup.GroupRef {
	if g.chance(2) {
		return secgroup.GroupRef{Account: of.Account, ID: "gone"}
	}
	account := of.Account
	if g.chance(15) {
		account = pick(g, accounts)
	}
	if group, ok := pickOr(g, s.Groups(account)); ok {
		return group.GroupRef
	}
	return of
}

// service draws a rule's protocol, ports and ICMP messages for its family.
func (g *Gen) service(r *secgroup.Rule) {
	r.PortMin, r.PortMax, r.ICMPType, r.ICMPCode = 0, 0, secgroup.Opt8{}, secgroup.Opt8{}
	switch g.weighted(15, 35, 20, 20, 10) {
	case 0:
		r.Protocol = secgroup.ProtocolAll
	case 1:
		r.Protocol = secgroup.ProtocolTCP
	case 2:
		r.Protocol = secgroup.ProtocolUDP
	case 3:
		r.Protocol = secgroup.ProtocolICMP
	case 4:
		r.Protocol = pick(g, protocolNumbers)
	}
	switch {
	case r.Protocol.HasPorts() && g.chance(85):
		r.PortMin, r.PortMax = pick(g, ports), pick(g, ports)
		if g.chance(40) {
			r.PortMax = r.PortMin
		}
		if r.PortMin > r.PortMax {
			r.PortMin, r.PortMax = r.PortMax, r.PortMin
		}
	case r.Protocol == secgroup.ProtocolICMP && g.chance(70):
		r.ICMPType = secgroup.Some8(pick(g, icmpTypes))
		if r.Family != secgroup.FamilyAny && g.chance(50) {
			r.ICMPCode = secgroup.Some8(pick(g, icmpCodes))
		}
	}
}
