package ofrules_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/ofrules"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofsim"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// watch puts watches on all NICs of a fabric.
func (f *fabric) watch() {
	for _, h := range f.hosts {
		for _, p := range h.Ports {
			for _, flow := range (ofrules.Watch{ID: p.OFPort, OFPort: p.OFPort, Ready: true, Meter: 7}).Flows() {
				h.sim.Add(flow)
			}
		}
	}
}

// reports are what watches told of a frame.
func (tr *trip) reports(tb testing.TB) (out []ofrules.Report) {
	tb.Helper()
	for _, s := range tr.stories {
		for _, up := range s.(ofsim.Result).ToController {
			r, ok := ofrules.ParseReport(up.Action.UserData)
			if !ok || up.Action.Meter != 7 {
				tb.Fatalf("an odd report: %+v", up.Action)
			}
			out = append(out, r)
		}
	}
	return out
}

// A watch changes no verdict, and tells of each packet that is dropped, once, by
// whom and why: as the semantics say, whatever the policy and the packet.
func TestWatchesTellWhatIsDropped(t *testing.T) {
	t.Parallel()
	seen := map[ofrules.DropReason]int{}
	for seed := range uint64(40) {
		g := policytest.Seeded(7000+seed, policytest.Options{Guard: seed%2 == 1})
		s := policytest.Load(g.Policy())
		for _, f := range []*fabric{newFabric(s, 1), newFabric(s, 2)} {
			f.watch()
			for range 60 {
				c, ok := g.Packet(s)
				if !ok {
					t.Fatal("no packet")
				}
				f.compare(t, c)
				f.compareReports(t, c, seen)
			}
		}
	}
	t.Logf("reasons: %v", seen)
	for _, r := range []ofrules.DropReason{ofrules.DropNoRule, ofrules.DropSpoofed, ofrules.DropGuard} {
		if seen[r] < 20 {
			t.Errorf("%s was seen %d times", r, seen[r])
		}
	}
}

func (f *fabric) compareReports(tb testing.TB, c policytest.Case, seen map[ofrules.DropReason]int) {
	tb.Helper()
	egress, ingress, _ := verdict.Decide(f.policy, c.Src, c.Dst, c.Packet)
	packet := fields(c.Packet, c.Src)
	if c.Src != nil {
		f.expectReport(tb, c, f.send(tb, c.Src, gatewayMAC, packet), c.Src, egress, true, seen)
	}
	if c.Dst != nil {
		f.expectReport(tb, c, f.arrive(tb, c.Dst.Network, c.Dst.MAC, packet), c.Dst, ingress, false, seen)
	}
	if c.Src != nil && c.Dst != nil && egress.Allow && f.oneSegment(c.Src, c.Dst) {
		f.expectReport(tb, c, f.send(tb, c.Src, c.Dst.MAC, packet), c.Dst, ingress, false, seen)
	}
}

func (f *fabric) expectReport(tb testing.TB, c policytest.Case, tr *trip, n *secgroup.NIC, d *verdict.Decision, egress bool, seen map[ofrules.DropReason]int) {
	tb.Helper()
	reports := tr.reports(tb)
	if d.Allow {
		if len(reports) != 0 {
			tb.Fatalf("%s\npasses, and is reported: %+v\n%s", describeCase(f.policy, c), reports, tr.story())
		}
		return
	}
	reasons := map[verdict.Reason][]ofrules.DropReason{ // the switch cannot tell some apart
		verdict.ReasonNoRule:  {ofrules.DropNoRule},
		verdict.ReasonSpoofed: {ofrules.DropSpoofed, ofrules.DropGuard},
		verdict.ReasonGuard:   {ofrules.DropGuard, ofrules.DropSpoofed},
		verdict.ReasonInvalid: {ofrules.DropInvalid},
	}
	port := f.home[n.ID].Ports[n.ID].OFPort
	if len(reports) != 1 || reports[0].ID != port || reports[0].Egress != egress || !slices.Contains(reasons[d.Reason], reports[0].Drop) {
		tb.Fatalf("%s\nis denied by %s (%s), and reported as %+v\n%s", describeCase(f.policy, c), n.ID, d.Reason, reports, tr.story())
	}
	seen[reports[0].Drop]++
}

// Watches tell of what the semantics have no word for.
func TestWatchesTellOfOddFrames(t *testing.T) {
	t.Parallel()
	s := scenarioPolicy(t, "# odd\nnic a blue-1 10.0.0.1 fd00:0:0:1::1\nnic b blue-1 10.0.0.2 fd00:0:0:1::2\n")
	f := newFabric(s, 1)
	f.watch()
	a, b := s.NIC("a"), s.NIC("b")
	h := f.hosts[0]
	udp := []of.Term{of.EthType.Is(of.EthTypeIPv4), of.IPProto.Is(17), of.IPv4Src.IsAddr(a.Addresses[0]), of.IPv4Dst.IsAddr(b.Addresses[0]), of.UDPSrc.Is(1), of.UDPDst.Is(53)}
	const invalid = of.CTTrk | of.CTInv
	for _, c := range []struct {
		name   string
		src    secgroup.MAC
		vlan   uint64
		frame  []of.Term
		states []uint32
		want   ofrules.Report
	}{
		{"another's MAC", secgroup.MAC{2, 9, 9, 9, 9, 9}, 0, udp, nil, ofrules.Report{Drop: ofrules.DropSpoofed, Egress: true}},
		{"a VLAN tag", a.MAC, 101, udp, nil, ofrules.Report{Drop: ofrules.DropVLANTag, Egress: true}},
		{"LLDP", a.MAC, 0, []of.Term{of.EthType.Is(0x88cc)}, nil, ofrules.Report{Drop: ofrules.DropGuard, Egress: true}},
		{"invalid at the sender", a.MAC, 0, udp, []uint32{invalid}, ofrules.Report{Drop: ofrules.DropInvalid, Egress: true}},
		{"invalid at the receiver", a.MAC, 0, udp, []uint32{of.CTTrk | of.CTNew, invalid}, ofrules.Report{Drop: ofrules.DropInvalid}},
		{"ARP of another", a.MAC, 0, []of.Term{of.EthType.Is(of.EthTypeARP), of.ARPSPA.IsAddr(b.Addresses[0])}, nil, ofrules.Report{Drop: ofrules.DropSpoofed, Egress: true}},
	} {
		want := c.want
		if want.ID = h.Ports["b"].OFPort; want.Egress {
			want.ID = h.Ports["a"].OFPort
		}
		vlan := c.vlan
		if vlan != 0 {
			vlan |= of.VlanPresent
		}
		tr := &trip{}
		f.enter(t, tr, h, makeFrame(t, c.frame, h.Ports["a"].OFPort, c.src, b.MAC, vlan), c.states)
		if got := tr.reports(t); !slices.Equal(got, []ofrules.Report{want}) || len(tr.reached) > 0 {
			t.Errorf("%s: reports %+v, want %+v, reached %v\n%s", c.name, got, want, tr.reached, tr.story())
		}
	}
	const plugged = 99 // and no NIC's as far as the flows go
	for _, flow := range (ofrules.Watch{ID: plugged, OFPort: plugged}).Flows() {
		h.sim.Add(flow)
	}
	tr := &trip{}
	f.enter(t, tr, h, makeFrame(t, udp, plugged, a.MAC, b.MAC, 0), nil)
	if got := fmt.Sprint(tr.stories[0].(ofsim.Result).ToController); len(tr.stories[0].(ofsim.Result).ToController) != 1 {
		t.Errorf("a NIC that is not ready: %s", got)
	} else if r, _ := ofrules.ParseReport(tr.stories[0].(ofsim.Result).ToController[0].Action.UserData); r.Drop != ofrules.DropNotReady {
		t.Errorf("a NIC that is not ready: %+v", r)
	}
}

// No flow of a watch stands where one of the policy's may stand: OVS would take
// either.
func TestWatchesStandByThemselves(t *testing.T) {
	t.Parallel()
	type address struct {
		table uint8
		prio  uint16
	}
	taken := map[address]of.Flow{}
	for seed := range uint64(40) {
		f := newFabric(policytest.Load(policytest.Seeded(7000+seed, policytest.Options{Guard: seed%2 == 1}).Policy()), 1)
		for _, flow := range f.hosts[0].compiler.Flows() {
			taken[address{flow.Table, flow.Priority}] = flow
		}
	}
	for _, flow := range (ofrules.Watch{ID: 5, OFPort: 5, Ready: true, Meter: 7}).Flows() {
		if other, is := taken[address{flow.Table, flow.Priority}]; is {
			t.Errorf("%v\nstands beside\n%v", flow, other)
		}
		if c, ok := ofrules.ParseCookie(flow.Cookie); !ok || c != (ofrules.Cookie{Kind: ofrules.KindWatch, ID: 5}) {
			t.Errorf("%v has the cookie of %+v", flow, c)
		}
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add([]byte{0x52, 1, 0, 0, 0, 5, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, ok := ofrules.ParseReport(b); ok && r.Drop.String() == "" && r.Drop != 0 {
			t.Errorf("%x is read as %+v", b, r)
		}
	})
}
