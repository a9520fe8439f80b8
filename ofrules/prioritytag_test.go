package ofrules_test

import (
	"fmt"
	"testing"

	of "github.com/ringfence/ringfence/openflow"
)

// TestPriorityTagFromTheWire: a frame whose tag gives a priority and no VLAN is
// untagged traffic, for the NICs of the untagged network and nobody else.
func TestPriorityTagFromTheWire(t *testing.T) {
	t.Parallel()
	f := newFabric(scenarioPolicy(t, "# tags\nnic a public 203.0.113.1\nnic b blue-1 10.0.0.1\n"), 1)
	arp := []of.Term{of.EthType.Is(of.EthTypeARP), of.ARPOp.Is(1)}
	for _, vid := range []uint64{0, of.VlanPresent, of.VlanPresent | 101} {
		for _, nic := range []string{"a", "b"} {
			tr := &trip{}
			f.enter(t, tr, f.hosts[0], makeFrame(t, arp, uplink, gatewayMAC, f.policy.NIC(nic).MAC, vid), nil)
			want := "[]"
			if vid&0xfff == uint64(f.policy.Network(f.policy.NIC(nic).Network).VLAN) {
				want = "[" + nic + "]"
			}
			if got := fmt.Sprint(tr.reached); got != want {
				t.Errorf("with vlan_vid %#x for the MAC of %s: it reaches %s, want %s\n%s", vid, nic, got, want, tr.story())
			}
		}
	}
}
