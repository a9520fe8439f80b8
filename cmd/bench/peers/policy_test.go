package main

import (
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/secgroup"
)

// Every kind of rule that there is in a workload, and what else is measured, in OVN's words.
func TestRules(t *testing.T) {
	both := ingress(30002, "big")
	both.RemoteCIDR = netip.MustParsePrefix("11.0.0.0/27")
	group := workload.Make(workload.Size{Ports: 1, Groups: 10, Rules: 50, Members: 0}).Groups[3]
	for _, c := range []struct {
		rule secgroup.Rule
		ovn  string
	}{
		{*group.Rule("r0"), "inport == @g3 && ip4"},
		{*group.Rule("r1"), "outport == @g3 && ip4 && ip4.src == $g4 && tcp && tcp.dst == 1000"},
		{*group.Rule("r2"), "outport == @g3 && ip4 && ip4.src == $g5 && tcp && tcp.dst >= 8000 && tcp.dst <= 8080"},
		{*group.Rule("r3"), "outport == @g3 && ip4 && ip4.src == $g6 && udp && udp.dst == 2002"},
		{*group.Rule("r4"), "outport == @g3 && ip4 && ip4.src == $g7 && icmp4"},
		{*group.Rule("r5"), "outport == @g3 && ip4 && ip4.src == 192.168.3.0/24 && tcp && tcp.dst == 3004"},
		{both, "outport == @g3 && ip4 && ip4.src == $big && ip4.src == 11.0.0.0/27 && tcp && tcp.dst == 30002"},
	} {
		if got := ovnMatch("g3", c.rule); got != c.ovn {
			t.Errorf("rule %s in OVN: %s, want %s", c.rule.ID, got, c.ovn)
		}
	}
}

// OVN has all of the workload, and its ports are the first rows of the transaction.
func TestPolicies(t *testing.T) {
	size, _ := workload.SizeOf("XS")
	load := workload.Make(size)
	rows := map[string]int{}
	for i, o := range ovnPolicy(load) {
		rows[o["table"].(string)]++
		if i < len(load.Ports) && o["row"].(map[string]any)["name"] != load.Ports[i].ID {
			t.Errorf("operation %d of OVN's transaction is %v, want port %s", i, o, load.Ports[i].ID)
		}
	}
	for table, want := range map[string]int{"Logical_Switch_Port": 4, "Logical_Switch": 1, "Port_Group": 4 + 1, "Address_Set": 4, "ACL": 20 + 4 + 2} {
		if rows[table] != want {
			t.Errorf("%d rows of OVN's %s, want %d", rows[table], table, want)
		}
	}
}
