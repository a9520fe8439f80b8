package policytest

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Policy draws a whole policy over every field of docs/semantics.md §3: the changes
// that make it of an empty snapshot, in random order. It is one that the API
// could have made, but for a few rules whose remote group does not exist.
func (g *Gen) Policy() []secgroup.Change {
	p := policy{Gen: g, snapshot: secgroup.NewSnapshot()}
	for _, n := range networks() {
		p.put(n)
	}
	for _, id := range accounts {
		p.put(&secgroup.Account{ID: id, EgressPolicyDefault: secgroup.EgressAuto, EgressOpenGuard: secgroup.GuardAllow})
		for range 3 {
			p.put(&secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: id, ID: g.id("i")}})
		}
		p.put(g.group(secgroup.GroupRef{Account: id, ID: "default"}, true))
		for range g.Groups {
			p.put(g.group(secgroup.GroupRef{Account: id, ID: g.id("g")}, false))
		}
	}
	if g.Guard {
		p.put(g.baseline())
	}
	for range g.NICs {
		p.put(g.nic(p.snapshot, g.id("n")))
	}
	// The rules come last: they name the groups and what lies around the NICs.
	for _, account := range accounts {
		for _, group := range p.snapshot.Groups(account) {
			with := *group
			for range g.IntN(6) {
				with.Rules = append(with.Rules, g.rule(p.snapshot, group.GroupRef, g.id("r")))
			}
			with.Sort()
			p.put(&with)
		}
	}
	for _, n := range p.snapshot.NICs() {
		for range g.weighted(25, 40, 25, 10) {
			p.put(g.attachment(p.snapshot, n))
		}
	}
	all := p.all()
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// policy is one under construction.
type policy struct {
	*Gen
	snapshot *secgroup.Snapshot
	keys     []secgroup.Key
}

func (p *policy) put(o secgroup.Object) {
	p.snapshot, _ = p.snapshot.With(1, []secgroup.Change{secgroup.Put(o)})
	if !slices.Contains(p.keys, o.Key()) {
		p.keys = append(p.keys, o.Key())
	}
}

func (p *policy) all() []secgroup.Change {
	all := make([]secgroup.Change, len(p.keys))
	for i, k := range p.keys {
		all[i] = secgroup.Put(p.snapshot.Get(k))
	}
	return all
}

// group draws a group with at most its default rules.
func (g *Gen) group(ref secgroup.GroupRef, isDefault bool) *secgroup.Group {
	group := &secgroup.Group{GroupRef: ref, Name: ref.ID, IsDefault: isDefault, EgressPolicy: secgroup.EgressAuto, NetworkScope: secgroup.ScopeAny}
	if isDefault || g.chance(60) {
		group.Rules = secgroup.DefaultRules(ref, func() string { return g.id("r") })
	}
	if !isDefault {
		group.EgressPolicy = g.egressPolicy()
		g.scope(group)
	}
	return group
}

func (g *Gen) egressPolicy() secgroup.EgressPolicy {
	return []secgroup.EgressPolicy{secgroup.EgressAuto, secgroup.EgressListed, secgroup.EgressOpen}[g.weighted(60, 20, 20)]
}

// scope draws the networks in which a group acts.
func (g *Gen) scope(group *secgroup.Group) {
	group.NetworkScope, group.Networks = secgroup.ScopeAny, nil
	if !g.chance(30) {
		return
	}
	group.NetworkScope = secgroup.ScopeListed
	for _, n := range networks() {
		if g.chance(60) {
			group.Networks = append(group.Networks, n.ID)
		}
	}
	slices.Sort(group.Networks)
}

// nic draws a NIC that holds addresses free in its routing domain.
func (g *Gen) nic(s *secgroup.Snapshot, id string) *secgroup.NIC {
	n := &secgroup.NIC{ID: id, Account: pick(g, accounts), Enforcement: secgroup.EnforcementOn}
	n.MAC = g.mac()
	if i, ok := pickOr(g, s.Instances(n.Account)); ok && g.chance(70) {
		n.Instance = i.ID
	}
	if g.chance(5) {
		n.Enforcement = secgroup.EnforcementOff
	}
	if g.Guard && g.chance(10) {
		n.DHCPServer = true
	}
	n.Network = pick(g, s.Networks()).ID
	g.readdress(s, n)
	return n
}

// mac draws a locally administered unicast address that no NIC drew before.
func (g *Gen) mac() secgroup.MAC {
	g.serial++
	return secgroup.MAC{0x02, byte(g.IntN(256)), byte(g.IntN(256)), 0, byte(g.serial >> 8), byte(g.serial)}
}

// readdress draws new addresses for n from its network's prefixes.
func (g *Gen) readdress(s *secgroup.Snapshot, n *secgroup.NIC) {
	n.Addresses, n.AllowedAddresses = nil, nil
	net := s.Network(n.Network)
	for range 1 + g.weighted(50, 35, 15) {
		a := g.hostOf(pick(g, net.Prefixes))
		if !g.taken(s, net.RoutingDomain, a, n.ID) && !slices.Contains(n.Addresses, a) {
			n.Addresses = append(n.Addresses, a)
		}
	}
	if g.Guard && g.chance(8) {
		n.Addresses = nil
		return
	}
	if g.chance(25) {
		g.allow(s, n)
	}
}

// taken reports whether another NIC has address a as its own.
func (g *Gen) taken(s *secgroup.Snapshot, domain string, a netip.Addr, id string) bool {
	return slices.ContainsFunc(s.NICsByAddress(domain, a), func(o *secgroup.NIC) bool { return o.ID != id })
}

// allow draws allowed_addresses: a single one, which two NICs may share as a
// virtual address, or a wider prefix.
func (g *Gen) allow(s *secgroup.Snapshot, n *secgroup.NIC) {
	n.AllowedAddresses = nil
	net := s.Network(n.Network)
	for range 1 + g.IntN(2) {
		a := nth(pick(g, net.Prefixes).Addr(), 1+g.IntN(hosts+4))
		bits := a.BitLen()
		if g.chance(40) {
			bits -= 1 + g.IntN(6)
		}
		if g.chance(5) {
			bits = 0
		}
		p := netip.PrefixFrom(a, bits).Masked()
		// A single address is a member address: not another NIC's own one.
		if bits == a.BitLen() && slices.ContainsFunc(s.NICsByAddress(net.RoutingDomain, a), func(o *secgroup.NIC) bool {
			return o.ID != n.ID && slices.Contains(o.Addresses, a)
		}) {
			continue
		}
		if !slices.Contains(n.AllowedAddresses, p) {
			n.AllowedAddresses = append(n.AllowedAddresses, p)
		}
	}
}

// attachment draws a group of n's account and attaches it to n or its instance,
// or at times one of any account, which has shared it, and attaches it to n.
func (g *Gen) attachment(s *secgroup.Snapshot, n *secgroup.NIC) *secgroup.Attachment {
	a := &secgroup.Attachment{Group: pick(g, s.Groups(n.Account)).GroupRef}
	if g.Shares && g.chance(30) {
		return &secgroup.Attachment{Group: pick(g, s.Groups(pick(g, s.Accounts()).ID)).GroupRef, NIC: n.ID}
	}
	if n.Instance != "" && g.chance(50) {
		a.Instance = n.Instance
	} else {
		a.NIC = n.ID
	}
	return a
}

func (g *Gen) baseline() *secgroup.Baseline {
	b := &secgroup.Baseline{}
	for _, a := range addresses("169.254.169.254", "8.8.8.8", "fd00:0:0:1::1") {
		if g.chance(50) {
			b.Addresses = append(b.Addresses, secgroup.BaselineAddress{
				Address: a, Port: pick(g, []uint16{53, 80}), Protocol: pick(g, []secgroup.Protocol{secgroup.ProtocolTCP, secgroup.ProtocolUDP}),
			})
		}
	}
	return b
}
