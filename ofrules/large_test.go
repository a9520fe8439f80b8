package ofrules_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/ofrules"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// manyRules is a policy in which one NIC has n rules that compile to
// conjunctions: all of them name one group, and share a few services and
// prefixes, so that single flows are clauses of very many rules.
func manyRules(tb testing.TB, n int) *secgroup.Snapshot {
	tb.Helper()
	s := scenarioPolicy(tb, `# many rules
group web
group db
nic w blue-1 10.0.0.1
nic d blue-1 10.0.0.9
attach web w
attach db d
`)
	web, db := secgroup.GroupRef{Account: "acme", ID: "web"}, *s.Group(secgroup.GroupRef{Account: "acme", ID: "db"})
	for i := range n {
		r := secgroup.Rule{
			ID: fmt.Sprint("r", i), Direction: secgroup.Ingress, Family: secgroup.FamilyIPv4, Protocol: secgroup.ProtocolTCP,
			PortMin: uint16(1 + i%50), RemoteGroup: web, Enabled: true,
		}
		switch i % 3 {
		case 0:
			r.RemoteCIDR = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 0}), 24)
		case 1:
			r.PortMin = uint16(1 + i)
		}
		db.Rules = append(db.Rules, r)
	}
	db.Normalize()
	s, _ = s.With(1000, []secgroup.Change{secgroup.Put(&db)})
	return s
}

// TestManyRulesAreSplit: a flow that were a clause of thousands of rules is
// spread over priorities; every message fits, and the rules decide as ever.
func TestManyRulesAreSplit(t *testing.T) {
	t.Parallel()
	for _, rules := range []int{2001, 10_000} {
		t.Run(fmt.Sprint(rules), func(t *testing.T) {
			t.Parallel()
			f := newFabric(manyRules(t, rules), 1)
			priorities := map[uint16]bool{}
			for _, flow := range f.hosts[0].compiler.Flows() {
				b, err := wire.Append(nil, 1, wire.AddFlow(flow))
				if err != nil || len(b) > 65535 {
					t.Fatalf("%v: %d bytes, %v", flow.Key(), len(b), err)
				}
				if list := flow.Actions.List(); len(list) > 0 {
					if _, clause := list[0].(of.Conjunction); clause {
						priorities[flow.Priority] = true
					}
				}
			}
			if want := 1 + (rules-1)/2000; len(priorities) != want {
				t.Errorf("%d priorities of clauses, want %d", len(priorities), want)
			}
			w, d := f.policy.NIC("w"), f.policy.NIC("d")
			for port := uint16(1); port < uint16(rules+10); port += uint16(1 + rules/100) {
				for _, src := range []string{"10.0.0.1", "10.0.3.1"} {
					p := packet.Tuple{
						Src: netip.MustParseAddr(src), Dst: d.Addresses[0],
						Proto: packet.ProtoTCP, SrcPort: 40000, DstPort: port,
					}
					f.compare(t, policytest.Case{Dst: d, Packet: p})
					if p.Src == w.Addresses[0] {
						f.compare(t, policytest.Case{Src: w, Dst: d, Packet: p})
					}
				}
			}
		})
	}
}

// TestGrowingOverASplit: a profile that grows beyond what one priority holds,
// and shrinks again, is as if it had always been so.
func TestGrowingOverASplit(t *testing.T) {
	t.Parallel()
	s := manyRules(t, 2010)
	f := newFabric(s, 1)
	c := f.hosts[0].compiler
	full := s.Group(secgroup.GroupRef{Account: "acme", ID: "db"})
	for i, rules := range []int{2000, 2001, 0, 2010, 1999} {
		g := *full
		g.Rules = full.Rules[:rules]
		var touched secgroup.Touched
		s, touched = s.With(int64(2000+i), []secgroup.Change{secgroup.Put(&g)})
		c.Apply(s, touched)
		c.Update(f.hosts[0].Host)
		if d := ofrules.Diff(c.Flows(), newFabric(s, 1).hosts[0].compiler.Flows()); !d.Empty() {
			t.Fatalf("%d rules: %d flows are missing or other than from scratch, %d too many", rules, len(d.Put), len(d.Delete))
		}
	}
}

// TestFloodReachesManyNICs: more NICs of a segment than one flow can serve all
// get a broadcast, and each decides for itself.
func TestFloodReachesManyNICs(t *testing.T) {
	t.Parallel()
	s := scenarioPolicy(t, "# many NICs\ngroup open\nrule open/r1 ingress udp 5000\nnetwork flat vlan 7\n")
	const nics = 1203 // three flows
	var changes []secgroup.Change
	for i := range nics {
		n := &secgroup.NIC{
			ID: fmt.Sprintf("n%04d", i), Account: "acme", Network: "flat", MAC: secgroup.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)},
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(2 + i>>8), byte(i)})}, Enforcement: secgroup.EnforcementOn,
		}
		changes = append(changes, secgroup.Put(n))
		if i%3 == 0 {
			changes = append(changes, secgroup.Put(&secgroup.Attachment{Group: secgroup.GroupRef{Account: "acme", ID: "open"}, NIC: n.ID}))
		}
	}
	s, _ = s.With(100, changes)
	f := newFabric(s, 1)
	for _, flow := range f.hosts[0].compiler.Flows() {
		if _, err := wire.Append(nil, 1, wire.AddFlow(flow)); err != nil {
			t.Fatalf("%v: %v", flow.Key(), err)
		}
	}
	src := s.NIC("n0000")
	f.compareFlood(t, policytest.Case{Src: src, Packet: packet.Tuple{
		Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("255.255.255.255"),
		Proto: packet.ProtoUDP, SrcPort: 1, DstPort: 5000,
	}})
	tr := f.send(t, src, broadcastMAC, fields(packet.Tuple{
		Src: src.Addresses[0], Dst: netip.MustParseAddr("255.255.255.255"),
		Proto: packet.ProtoUDP, SrcPort: 1, DstPort: 5000,
	}, src))
	if want := nics/3 - 1; len(tr.reached) != want || !tr.left {
		t.Errorf("%d NICs reached, want %d; left: %v", len(tr.reached), want, tr.left)
	}
}
