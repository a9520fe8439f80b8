package httpapi

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/packet"
)

// What hosts have installed, transport.Open and dropped is asked for the account's own NICs
// only, and of rules of others no more is told than that there are some.
func TestInstalledIsOfTheAccountAlone(t *testing.T) {
	s, h := tracedServer(t)
	foreign, own := inquiry.Rule{Account: "bolt", Group: "db", ID: "r9"}, inquiry.Rule{Account: "acme", Group: "web", ID: "https"}
	packet := packet.Tuple{Src: netip.MustParseAddr("10.0.0.3"), Dst: netip.MustParseAddr("10.0.0.1"), Proto: 6, SrcPort: 1, DstPort: 443}
	var asked []string
	answers(h, inquiry.KindFlows, func(q inquiry.FlowsQuestion) inquiry.FlowsAnswer {
		asked = append(asked, q.NICs...)
		return inquiry.FlowsAnswer{Applied: 5, Flows: []inquiry.Flow{{Table: 90, Kind: "clause", Rules: []inquiry.Rule{foreign, own}}}}
	})
	answers(h, inquiry.KindConnections, func(q inquiry.ConnectionsQuestion) inquiry.ConnectionsAnswer {
		asked = append(asked, q.NICs...)
		return inquiry.ConnectionsAnswer{Connections: []inquiry.Connection{
			{NIC: "n1", Direction: "ingress", Packet: packet, Reason: "rule", Rule: &foreign},
			{NIC: "n1", Direction: "ingress", Packet: packet, Reason: "rule", Rule: &own, Packets: 3, Bytes: 180, Age: 2},
		}}
	})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	answers(h, inquiry.KindDrops, func(q inquiry.DropsQuestion) inquiry.DropsAnswer {
		asked = append(asked, q.NICs...)
		return inquiry.DropsAnswer{Now: at, Rate: 100, Totals: []inquiry.DropTotal{{NIC: "n1", Direction: "ingress", Reason: "no-rule", Packets: 9, Bytes: 540}}, Drops: []inquiry.Drop{
			{NIC: "n1", Direction: "ingress", Reason: "no-rule", Frame: inquiry.Frame{Packet: packet, EtherType: 0x0800}, Count: 3, First: at, Last: at},
			{NIC: "n1", Direction: "egress", Reason: "guard", Frame: inquiry.Frame{SrcMAC: "02:00:00:00:00:01", EtherType: 0x88cc, VLAN: 7}, Count: 1, First: at, Last: at},
		}}
	})
	auth := "Authorization: Bearer " + viewerAcme
	flows := s.do("GET", "/v1/accounts/acme/flows", "", auth)
	flows.want(t, map[string]string{"items.0.rules.0.rule": "https", "items.0.host": "h1", "hosts.0.applied_revision": "5"})
	conns := s.do("GET", "/v1/accounts/acme/connections", "", auth)
	conns.want(t, map[string]string{
		"items.0.rule": "null", "items.0.group": "null", "items.0.bytes": "null", "items.0.age": "null", "items.0.packets": "null",
		"items.1.rule": "https", "items.1.bytes": "180", "items.1.packets": "3", "items.1.age": "2",
	})
	drops := s.do("GET", "/v1/accounts/acme/drops?nic=n1&wait=1s&since=2026-01-01T00:00:00Z", "", auth)
	drops.want(t, map[string]string{
		"items.0.protocol": "tcp", "items.0.port": "443", "items.0.family": "ipv4", "items.0.source_mac": "null", "items.0.ether_type": "0x0800", "items.0.count": "3",
		"items.1.protocol": "null", "items.1.source": "null", "items.1.vlan": "7", "items.1.ether_type": "0x88cc",
		"totals.0.packets": "9", "until": "2026-01-02T03:04:05Z", "rate": "100",
	})
	for _, a := range []answer{flows, conns, drops} {
		if a.status != http.StatusOK || strings.Contains(string(a.raw), "bolt") || strings.Contains(string(a.raw), "r9") {
			t.Errorf("%d %s", a.status, a.raw)
		}
	}
	for _, nic := range asked {
		if nic != "n1" { // n2 is plugged nowhere, n3 is another's
			t.Errorf("asked about %s", nic)
		}
	}
	if len(asked) != 3 {
		t.Errorf("asked about %v", asked)
	}
	for path, status := range map[string]int{
		"/v1/accounts/bolt/drops": 404, "/v1/accounts/bolt/flows": 404, "/v1/accounts/bolt/connections": 404, "/v1/accounts/acme/drops?nic=n3": 404,
		"/v1/accounts/acme/drops?since=yesterday": 400, "/v1/accounts/acme/drops?wait=x": 400, "/v1/accounts/acme/drops?limit=0": 400,
	} {
		if a := s.do("GET", path, "", auth); a.status != status {
			t.Errorf("%s: %d %s, want %d", path, a.status, a.raw, status)
		}
	}
}

// A group that another account shares, and that judges a NIC of the account, is
// named as that account's, with its rules; a group that such a rule names is not.
func TestSharedGroupsAreNamed(t *testing.T) {
	s, h := tracedServer(t)
	s.must("PUT", "/v1/accounts/bolt/security-groups/secret", `{"name":"secret"}`)
	s.must("PUT", "/v1/accounts/bolt/security-groups/db/rules/r10", `{"direction":"ingress","protocol":"udp","port_min":99,"remote_group":"secret"}`)
	s.must("PUT", "/v1/accounts/bolt/security-groups/db/shares/acme", `{"use":["attach"]}`)
	s.must("PUT", "/v1/accounts/acme/nics/n1/security-groups/bolt%2Fdb", "")
	rule := inquiry.Rule{Account: "bolt", Group: "db", ID: "r9"}
	h.set(s.says(inquiry.Allow, same)) // by that rule
	s.trace(http.StatusCreated, `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"udp","port":53}`).want(t, map[string]string{
		"agreement": "true", "legs.0.policy.group": "bolt/db", "legs.0.policy.rule": "r9", "legs.0.datapath.group": "bolt/db", "legs.0.datapath.rule": "r9",
		"legs.0.datapath.steps.0.group": "bolt/db",
	})
	s.must("DELETE", "/v1/accounts/bolt/security-groups/db/rules/r9", "")
	h.set(s.says(inquiry.Deny, same))
	a := s.trace(http.StatusCreated, `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"udp","port":99}`, "Authorization: Bearer "+memberAcme)
	a.want(t, map[string]string{
		"legs.0.policy.nearest.group": "bolt/db", "legs.0.policy.nearest.rule": "r10", "legs.0.policy.nearest.differs.0": "group bolt/* is allowed, 8.8.8.8 is not of it",
	})
	if strings.Contains(string(a.raw), "secret") {
		t.Errorf("acme is told of a group that is not shared with it: %s", a.raw)
	}
	answers(h, inquiry.KindFlows, func(q inquiry.FlowsQuestion) inquiry.FlowsAnswer {
		if len(q.Shared) != 1 || q.Shared[0] != (inquiry.Group{Account: "bolt", ID: "db"}) || q.Group != "db" || q.GroupAccount != "bolt" {
			t.Errorf("asked %+v", q)
		}
		return inquiry.FlowsAnswer{Flows: []inquiry.Flow{{Kind: "rule", Rules: []inquiry.Rule{rule}}}}
	})
	s.do("GET", "/v1/accounts/acme/flows?group=bolt%2Fdb", "").want(t, map[string]string{"items.0.rules.0.group": "bolt/db", "items.0.rules.0.rule": "r9"})
}
