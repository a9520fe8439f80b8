package verdict_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// BenchmarkJudgeAgain judges 10,000 connections of a NIC with 50 rules, each by
// a group of 1,000 members and a cidr: what a revocation costs a host.
func BenchmarkJudgeAgain(b *testing.B) {
	peers := secgroup.GroupRef{Account: "a", ID: "peers"}
	web := &secgroup.Group{GroupRef: secgroup.GroupRef{Account: "a", ID: "web"}}
	for i := range 50 {
		web.Rules = append(web.Rules, secgroup.Rule{
			ID: fmt.Sprint(i), Direction: "ingress", Family: "any", Protocol: "tcp", PortMin: 80, PortMax: 80, Enabled: true,
			RemoteGroup: peers, RemoteCIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), 0}), 24),
		})
	}
	server := &secgroup.NIC{ID: "server", Account: "a", Network: "net", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	changes := []secgroup.Change{
		secgroup.Put(&secgroup.Network{ID: "net", RoutingDomain: "d"}), secgroup.Put(&secgroup.Group{GroupRef: peers}), secgroup.Put(web),
		secgroup.Put(server), secgroup.Put(&secgroup.Attachment{Group: web.GroupRef, NIC: "server"}),
	}
	for i := range 1000 {
		n := &secgroup.NIC{ID: fmt.Sprint(i), Account: "a", Network: "net", Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, byte(i >> 4), byte(i)})}}
		changes = append(changes, secgroup.Put(n), secgroup.Put(&secgroup.Attachment{Group: peers, NIC: n.ID}))
	}
	s := secgroup.NewSnapshot()
	s, _ = s.With(1, changes)
	for b.Loop() {
		allowed := 0
		for i := range 10000 {
			p := packet.Tuple{
				Src: netip.AddrFrom4([4]byte{10, 1, byte(i >> 4), byte(i)}), Dst: server.Addresses[0],
				Proto: packet.ProtoTCP, SrcPort: 40000, DstPort: 80,
			}
			if verdict.Ingress(s, server, p).Allow {
				allowed++
			}
		}
		if allowed == 0 || allowed == 10000 {
			b.Fatal(allowed)
		}
	}
}
