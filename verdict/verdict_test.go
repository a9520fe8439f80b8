package verdict_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// TestRandomPolicies: on random policies and packets a decision by a rule names
// the first of those that allow it, each of these holds the peer in its listed
// peer set, and the answer does not depend on the order of the objects.
func TestRandomPolicies(t *testing.T) {
	for seed := range uint64(60) {
		g := policytest.Seeded(seed, policytest.Options{Guard: true, Multicast: true})
		changes := g.Policy()
		s := policytest.Load(changes)
		g.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
		shuffled := policytest.Load(changes)
		for range 100 {
			c, ok := g.Packet(s)
			if !ok {
				t.Fatalf("seed %d: no packet", seed)
			}
			egress, ingress, allow := verdict.Decide(s, c.Src, c.Dst, c.Packet)
			if _, _, again := verdict.Decide(shuffled, c.Src, c.Dst, c.Packet); again != allow {
				t.Fatalf("seed %d: %+v depends on the order of the objects", seed, c)
			}
			if want := (egress == nil || egress.Allow) && (ingress == nil || ingress.Allow); allow != want {
				t.Fatalf("seed %d: %+v: %v with %v and %v", seed, c, allow, egress, ingress)
			}
			if egress != nil {
				explained(t, s, c.Src, secgroup.Egress, c.Packet, *egress)
			}
			if ingress != nil {
				explained(t, s, c.Dst, secgroup.Ingress, c.Packet, *ingress)
			}
		}
	}
}

func explained(t *testing.T, s *secgroup.Snapshot, n *secgroup.NIC, d secgroup.Direction, p packet.Tuple, got verdict.Decision) {
	t.Helper()
	all := verdict.Allowing(s, n, d, p)
	switch got.Reason {
	case verdict.ReasonRule:
		if !got.Allow || len(all) == 0 || all[0] != got.Rule || !slices.IsSortedFunc(all, secgroup.RuleRef.Compare) {
			t.Fatalf("%v for %+v of %s, allowed by %v", got, p, n.ID, all)
		}
	case verdict.ReasonNoRule:
		if got.Allow || len(all) > 0 {
			t.Fatalf("%v for %+v of %s, allowed by %v", got, p, n.ID, all)
		}
	default: // of no rules
	}
	peer := p.Src
	if d == secgroup.Egress {
		peer = p.Dst
	}
	for _, ref := range all {
		r := s.Group(ref.Group).Rule(ref.ID)
		if !r.Enabled || r.Direction != d || r.RemoteCIDR.IsValid() && !r.RemoteCIDR.Contains(peer) {
			t.Fatalf("%+v allows %+v", r, p)
		}
		if r.RemoteGroup != (secgroup.GroupRef{}) && !listed(s, r.RemoteGroup, s.Domain(n), peer) {
			t.Fatalf("%+v allows %+v, whose peer is no member", r, p)
		}
	}
}

func listed(s *secgroup.Snapshot, g secgroup.GroupRef, domain string, a netip.Addr) bool {
	return slices.ContainsFunc(s.Members(g), func(m secgroup.Member) bool { return m.Domain == domain && m.Address == a })
}

// TestNotReady: a NIC whose network or default group is absent may do nothing
// but what the guard lets pass.
func TestNotReady(t *testing.T) {
	n := &secgroup.NIC{ID: "n", Account: "a", Network: "net", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	p := packet.Tuple{Src: n.Addresses[0], Dst: netip.MustParseAddr("8.8.8.8"), Proto: packet.ProtoTCP, DstPort: 80}
	back := packet.Tuple{Src: p.Dst, Dst: p.Src, Proto: packet.ProtoTCP, DstPort: 80}
	discover := packet.Tuple{Src: netip.IPv4Unspecified(), Dst: netip.MustParseAddr("255.255.255.255"), Proto: packet.ProtoUDP, SrcPort: 68, DstPort: 67}

	s := secgroup.NewSnapshot()
	s, _ = s.With(1, []secgroup.Change{secgroup.Put(n)})
	notReady := verdict.Decision{Allow: false, Reason: verdict.ReasonNotReady}
	for _, p := range []packet.Tuple{p, back, discover} {
		if e, i := verdict.Egress(s, n, p), verdict.Ingress(s, n, p); e != notReady || i != notReady {
			t.Errorf("without network: %v, %v", e, i)
		}
	}
	s, _ = s.With(2, []secgroup.Change{secgroup.Put(&secgroup.Network{ID: "net", RoutingDomain: "d"})})
	if e, i := verdict.Egress(s, n, p), verdict.Ingress(s, n, back); e != notReady || i != notReady {
		t.Errorf("without groups: %v, %v", e, i)
	}
	if e := verdict.Egress(s, n, discover); !e.Allow || e.Reason != verdict.ReasonGuard {
		t.Errorf("DHCP without groups: %v", e)
	}
	s, _ = s.With(3, []secgroup.Change{secgroup.Put(&secgroup.Group{GroupRef: secgroup.GroupRef{Account: "a", ID: "default"}, IsDefault: true})})
	if e, i := verdict.Egress(s, n, p), verdict.Ingress(s, n, back); !e.Allow || i.Reason != verdict.ReasonNoRule {
		t.Errorf("with the default group: %v, %v", e, i)
	}
}
