package main

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/secgroup"
)

// Every kind of rule that there is in a workload, and what else is measured, in each engine's words.
func TestRules(t *testing.T) {
	both := ingress(30002, "big")
	both.RemoteCIDR = netip.MustParsePrefix("11.0.0.0/27")
	group := workload.Make(workload.Size{Ports: 1, Groups: 10, Rules: 50, Members: 0}).Groups[3]
	for _, c := range []struct {
		rule         secgroup.Rule
		ovn, neutron string
	}{
		{*group.Rule("r0"), "inport == @g3 && ip4", `{"direction":"egress","ethertype":"IPv4"}`},
		{*group.Rule("r1"), "outport == @g3 && ip4 && ip4.src == $g4 && tcp && tcp.dst == 1000",
			`{"direction":"ingress","ethertype":"IPv4","port_range_max":1000,"port_range_min":1000,"protocol":"tcp","remote_group_id":"g4"}`},
		{*group.Rule("r2"), "outport == @g3 && ip4 && ip4.src == $g5 && tcp && tcp.dst >= 8000 && tcp.dst <= 8080",
			`{"direction":"ingress","ethertype":"IPv4","port_range_max":8080,"port_range_min":8000,"protocol":"tcp","remote_group_id":"g5"}`},
		{*group.Rule("r3"), "outport == @g3 && ip4 && ip4.src == $g6 && udp && udp.dst == 2002",
			`{"direction":"ingress","ethertype":"IPv4","port_range_max":2002,"port_range_min":2002,"protocol":"udp","remote_group_id":"g6"}`},
		{*group.Rule("r4"), "outport == @g3 && ip4 && ip4.src == $g7 && icmp4",
			`{"direction":"ingress","ethertype":"IPv4","protocol":"icmp","remote_group_id":"g7"}`},
		{*group.Rule("r5"), "outport == @g3 && ip4 && ip4.src == 192.168.3.0/24 && tcp && tcp.dst == 3004",
			`{"direction":"ingress","ethertype":"IPv4","port_range_max":3004,"port_range_min":3004,"protocol":"tcp","source_ip_prefix":"192.168.3.0/24"}`},
		{both, "outport == @g3 && ip4 && ip4.src == $big && ip4.src == 11.0.0.0/27 && tcp && tcp.dst == 30002", ""},
	} {
		if got := ovnMatch("g3", c.rule); got != c.ovn {
			t.Errorf("rule %s in OVN: %s, want %s", c.rule.ID, got, c.ovn)
		}
		if got, err := json.Marshal(neutronRule(c.rule)); c.neutron != "" && string(got) != c.neutron {
			t.Errorf("rule %s in Neutron: %s, %v, want %s", c.rule.ID, got, err, c.neutron)
		}
	}
	if err := (&neutron{}).addRule(t.Context(), "g3", both); err != errUnknown { //nolint:errorlint // it is that itself
		t.Errorf("a rule of a group and a prefix in Neutron: %v", err)
	}
}

// Both engines have all of the workload, and OVN's ports are the first rows of the transaction.
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
	text, err := json.Marshal(neutronPolicy(load))
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]int{`"direction":"ingress"`: 20, `"direction":"egress"`: 4, `"groups":`: 4, `"02:00:00:00:00:..`: 4 + 4*2, `"06:00:00:00:00:..`: 40} {
		if got := len(regexp.MustCompile(what).FindAll(text, -1)); got != want {
			t.Errorf("%d of %s in Neutron's policy, want %d", got, what, want)
		}
	}
	for _, g := range load.Groups {
		if !strings.Contains(string(text), `"`+g.ID+`":[`) {
			t.Errorf("Neutron's policy has no group %s", g.ID)
		}
	}
}
