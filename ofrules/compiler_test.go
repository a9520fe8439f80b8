package ofrules

import (
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

func TestSmoke(t *testing.T) {
	s := secgroup.NewSnapshot()
	g := secgroup.GroupRef{Account: "a", ID: "web"}
	s.Apply(1, []secgroup.Change{
		secgroup.Put(&secgroup.Account{ID: "a"}),
		secgroup.Put(&secgroup.Network{ID: "net", Type: secgroup.NetworkFlat, RoutingDomain: "provider", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}),
		secgroup.Put(&secgroup.Group{GroupRef: g, Name: "web", EgressPolicy: "auto", NetworkScope: "any", Rules: []secgroup.Rule{
			{ID: "r1", Direction: "ingress", Family: "any", Protocol: "tcp", PortMin: 80, PortMax: 88, RemoteGroup: g, Enabled: true},
			{ID: "r2", Direction: "ingress", Family: "ipv4", Protocol: "all", RemoteGroup: g, Enabled: true, RemoteCIDR: netip.MustParsePrefix("10.0.0.0/25")},
			{ID: "r3", Direction: "ingress", Family: "ipv4", Protocol: "udp", Enabled: true, RemoteCIDR: netip.MustParsePrefix("10.0.0.0/25")},
			{ID: "r4", Direction: "ingress", Family: "any", Protocol: "icmp", Enabled: true},
		}}),
		secgroup.Put(&secgroup.NIC{ID: "n1", Account: "a", Network: "net", MAC: secgroup.MAC{2, 0, 0, 0, 0, 1}, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, Enforcement: "on"}),
		secgroup.Put(&secgroup.Attachment{Group: g, NIC: "n1"}),
	})
	c := New()
	c.Reset(s, Host{Ports: map[string]Port{"n1": {5, 100}}, Uplink: 1})
	for _, f := range c.Flows() {
		t.Log(f)
	}
	t.Log(c.Problems())
}
