package verdict_test

import (
	"fmt"
	"net/netip"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// A web server that anybody may reach at port 80, and nobody at another.
func ExampleDecide() {
	web := secgroup.GroupRef{Account: "acme", ID: "web"}
	nic := &secgroup.NIC{ID: "nic-1", Account: "acme", Network: "front", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	policy, _ := secgroup.NewSnapshot().With(1, []secgroup.Change{
		secgroup.Put(&secgroup.Account{ID: "acme"}),
		secgroup.Put(&secgroup.Network{ID: "front", Type: secgroup.NetworkFlat, RoutingDomain: "front", VLAN: 7}),
		secgroup.Put(&secgroup.Group{GroupRef: secgroup.GroupRef{Account: "acme", ID: "default"}, IsDefault: true}),
		secgroup.Put(&secgroup.Group{GroupRef: web, Rules: []secgroup.Rule{{
			ID: "http", Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: "tcp", PortMin: 80, PortMax: 80, Enabled: true,
		}}}),
		secgroup.Put(nic),
		secgroup.Put(&secgroup.Attachment{NIC: nic.ID, Group: web}),
	})
	for _, port := range []uint16{80, 22} {
		_, ingress, allow := verdict.Decide(policy, nil, nic, packet.Tuple{
			Proto: 6, Src: netip.MustParseAddr("192.0.2.1"), Dst: nic.Addresses[0], SrcPort: 40000, DstPort: port,
		})
		fmt.Println(port, allow, ingress.Reason, ingress.Rule.ID)
	}
	// Output:
	// 80 true rule http
	// 22 false no-rule
}
