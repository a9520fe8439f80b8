package main

import (
	"context"
	"fmt"
	"maps"
	"net/netip"

	"github.com/ringfence/ringfence/internal/ovsproc"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// ringfence compiles the policy, and gives the bridge its flows.
func (s *site) ringfence(ctx context.Context, want policy) error {
	if err := s.plug(ctx, ovsproc.Bridge{Name: s.name, FailMode: "secure", Protocols: []string{"OpenFlow13", "OpenFlow15"}}); err != nil {
		return err
	}
	host := want.host()
	return s.program(ctx, ofrules.New().Reset(span.Span(want.snapshot(), host.Name, maps.Keys(host.Ports)), host).Put)
}

// host is where the pair is plugged. OVN flushes the zones that it takes, from 1 on.
func (p policy) host() ofrules.Host {
	return ofrules.Host{Ports: map[string]ofrules.Port{"client": {OFPort: 1, Zone: 60001}, "server": {OFPort: 2, Zone: 60002}}}
}

func (p policy) snapshot() *secgroup.Snapshot {
	const account = "a"
	network := &secgroup.Network{ID: "net", Type: secgroup.NetworkVPC, VPC: "v", RoutingDomain: "vpc:v", VLAN: 7}
	changes := []secgroup.Change{secgroup.Put(&secgroup.Account{ID: account}), secgroup.Put(network)}
	for _, id := range append([]string{"default", "client", "server"}, remotes()...) {
		g := &secgroup.Group{GroupRef: secgroup.GroupRef{Account: account, ID: id}, Name: id, IsDefault: id == "default"}
		for i, r := range p.rules() {
			if id != "server" {
				continue
			}
			rule := secgroup.Rule{ID: fmt.Sprint("r", i), Direction: secgroup.Ingress, Protocol: secgroup.Protocol(r.protocol), PortMin: r.from, PortMax: r.to, Enabled: true}
			if r.group != "" {
				rule.RemoteGroup = secgroup.GroupRef{Account: account, ID: r.group}
			}
			g.Rules = append(g.Rules, rule)
		}
		if p.listed {
			g.EgressPolicy = secgroup.EgressListed
			g.Rules = append(g.Rules, secgroup.Rule{ID: "out", Direction: secgroup.Egress, Protocol: secgroup.ProtocolTCP, PortMin: 1, PortMax: 65535, RemoteCIDR: netip.MustParsePrefix("10.0.0.0/8"), Enabled: true})
		}
		g.Normalize()
		changes = append(changes, secgroup.Put(g))
	}
	nic := func(id, group string, mac secgroup.MAC, allowed []netip.Prefix, addrs ...netip.Addr) {
		n := &secgroup.NIC{ID: id, Account: account, Network: "net", MAC: mac, Addresses: addrs, AllowedAddresses: allowed}
		n.Normalize()
		changes = append(changes, secgroup.Put(n), secgroup.Put(&secgroup.Attachment{Group: secgroup.GroupRef{Account: account, ID: group}, NIC: id}))
	}
	nic("client", "client", clientMAC, []netip.Prefix{clients}, clientAddrs...)
	nic("server", "server", serverMAC, nil, serverAddr)
	for g, id := range remotes() {
		var addrs []netip.Addr
		for i := range p.members {
			addrs = append(addrs, p.member(g, i))
		}
		nic(id, id, secgroup.MAC{2, 1, 0, 0, 0, byte(g)}, nil, addrs...)
	}
	s, _ := secgroup.NewSnapshot().With(1, changes)
	return s
}
