package policytest

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// Case is a packet and the NICs at its ends; nil is an end that is not ours. At
// least one is a NIC. If both are they share a routing domain, and most often
// the network.
type Case struct {
	Src, Dst *secgroup.NIC
	Packet   packet.Tuple
}

// Packet draws a packet that is likely to lie at the edge of some rule of its
// ends: between two NICs, or between a NIC and an address elsewhere, which may
// still be a member's (on another host, or in another domain). ok is false if
// the policy has no NIC to draw from.
func (g *Gen) Packet(s *secgroup.Snapshot) (c Case, ok bool) {
	nics := s.NICs()
	for range 100 {
		n, found := pickOr(g, nics)
		if !found {
			return Case{}, false
		}
		switch g.weighted(60, 20, 20) {
		case 0:
			c = Case{Src: n, Dst: g.partner(s, n)}
		case 1:
			c = Case{Src: n}
		case 2:
			c = Case{Dst: n}
		}
		if c.Src == nil && c.Dst == nil || !g.endpoints(s, &c) {
			continue
		}
		g.fill(s, &c)
		if !g.Guard && guarded(&c.Packet) {
			continue
		}
		return c, true
	}
	return Case{}, false
}

// partner draws another NIC of n's routing domain.
func (g *Gen) partner(s *secgroup.Snapshot, n *secgroup.NIC) *secgroup.NIC {
	others := s.NICsOfNetwork(n.Network)
	if g.chance(25) {
		others = s.NICs()
	}
	others = slices.DeleteFunc(others, func(o *secgroup.NIC) bool {
		return o.ID == n.ID || s.Domain(o) != s.Domain(n)
	})
	o, _ := pickOr(g, others)
	return o
}

// endpoints draws the two addresses, of one family.
func (g *Gen) endpoints(s *secgroup.Snapshot, c *Case) bool {
	p := &c.Packet
	near := c.Src
	if near == nil {
		near = c.Dst
	}
	var own netip.Addr
	if a, ok := pickOr(g, secgroup.MemberAddresses(near)); ok {
		own = a
	} else if !g.Guard {
		return false
	} else {
		own = near.MAC.LinkLocal()
	}
	var (
		other netip.Addr
		ok    bool
	)
	if c.Src != nil && c.Dst != nil {
		candidates := slices.DeleteFunc(secgroup.MemberAddresses(c.Dst), func(a netip.Addr) bool { return a.Is4() != own.Is4() })
		other, ok = pickOr(g, candidates)
	} else {
		other, ok = g.outside(s, near, own.Is4())
	}
	if !ok {
		return false
	}
	p.Src, p.Dst = own, other
	if c.Src == nil {
		p.Src, p.Dst = other, own
	}
	if c.Src != nil {
		p.Src = g.source(c.Src, p.Src)
	}
	if g.Multicast && g.chance(8) {
		p.Dst = pick(g, addresses("224.0.0.251", "255.255.255.255"))
		if own.Is6() {
			p.Dst = pick(g, addresses("ff02::fb", "ff0e::1"))
		}
	}
	if b, ok := pickOr(g, s.Baseline().Addresses); ok && c.Dst == nil && g.chance(20) {
		p.Dst = b.Address
	}
	return p.Src.Is4() == p.Dst.Is4() && p.Src != p.Dst
}

// source may replace a NIC's own source address by one that its wide
// allowed_addresses hold, its link-local one or, with Guard, one that it may not use.
func (g *Gen) source(n *secgroup.NIC, own netip.Addr) netip.Addr {
	if p, ok := pickOr(g, n.AllowedAddresses); ok && p.Addr().Is4() == own.Is4() && g.chance(30) {
		if host := g.anyHost(); p.Contains(host) {
			return host
		}
		return p.Addr()
	}
	switch {
	case own.Is6() && g.chance(5):
		return n.MAC.LinkLocal()
	case !g.Guard || !g.chance(15):
		return own
	case g.chance(20) && own.Is4():
		return netip.IPv4Unspecified()
	case g.chance(20) && own.Is6():
		return netip.IPv6Unspecified()
	}
	for {
		if a := g.anyHost(); a.Is4() == own.Is4() {
			return a
		}
	}
}

// outside draws an address for the end that is not ours: near the edge of a
// cidr of n's rules, a host of any network, or one of no network.
func (g *Gen) outside(s *secgroup.Snapshot, n *secgroup.NIC, v4 bool) (netip.Addr, bool) {
	for range 20 {
		a := g.anyHost()
		switch g.weighted(60, 25, 15) {
		case 0:
			if r := g.ruleOf(s, n); r != nil {
				a = g.peer(s, r, a)
			}
		case 2:
			a = pick(g, elsewhere)
		}
		unusable := !a.IsValid() || a.IsMulticast() || a.IsUnspecified() || a.IsLoopback() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
		if !unusable && a.Is4() == v4 {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// peer draws an address that a rule's remote may hold: a member of its group in
// whatever domain, the edge of its cidr; otherwise it is a.
func (g *Gen) peer(s *secgroup.Snapshot, r *secgroup.Rule, a netip.Addr) netip.Addr {
	if m, ok := pickOr(g, s.Members(r.RemoteGroup)); ok && g.chance(80) {
		return m.Address
	}
	if r.RemoteCIDR.IsValid() {
		return g.edge(r.RemoteCIDR)
	}
	return a
}

// edge draws the first or last address of a prefix or the one just outside it.
func (g *Gen) edge(p netip.Prefix) netip.Addr {
	first := p.Masked().Addr()
	last := first.AsSlice()
	for i := p.Bits(); i < first.BitLen(); i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	end, _ := netip.AddrFromSlice(last)
	switch g.IntN(4) {
	case 0:
		return first
	case 1:
		return end
	case 2:
		return first.Prev()
	}
	return end.Next()
}
