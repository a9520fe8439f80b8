package plan

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// What a matrix says of the other end is what package verdict says of packets
// between that NIC and each one that the rule's group judges: all that the rule
// opens passes, nothing does, or a part. Where the rule opens ports, the packets
// are at all edges of all rules.
func TestMatrixOfRandomPolicies(t *testing.T) {
	t.Parallel()
	told := map[pass]int{}
	for seed := range uint64(150) {
		s := policytest.Load(policytest.Seeded(seed, policytest.Options{NICs: 16, Shares: seed%2 == 0}).Policy())
		ports := portEdges(s)
		for _, account := range s.Accounts() {
			in := newMatrixInput(s, account.ID, MatrixFilter{})
			ends := &matrixEnds{in: in, covered: map[coverKey]cover{}}
			matrix := in.matrix()
			for i := range matrix.Entries {
				e := &matrix.Entries[i]
				if e.OtherEnd == nil {
					continue
				}
				counted := OtherEnd{}
				for _, n := range in.members[e.Remote.Group] {
					if !n.within(e.Remote.CIDR) {
						continue
					}
					said := ends.nic(n, e, map[secgroup.RuleRef]bool{})
					told[said]++
					counted.count(said)
					if got := tryEnd(s, in, n, e, ports); !got.fits(said, e.Service) {
						t.Fatalf("seed %d, account %s: rule %v of %v, NIC %s: the matrix says %d, packets %+v", seed, account.ID, *e.Rule, e.Group, n.ID, said, got)
					}
				}
				counted.Rules = e.OtherEnd.Rules
				if !slices.Equal([]int{counted.NICs, counted.Allowed, counted.Partly, counted.Blocked, counted.Apart, counted.Unrestricted},
					[]int{e.OtherEnd.NICs, e.OtherEnd.Allowed, e.OtherEnd.Partly, e.OtherEnd.Blocked, e.OtherEnd.Apart, e.OtherEnd.Unrestricted}) {
					t.Fatalf("seed %d: rule %v: %+v, NIC by NIC %+v", seed, *e.Rule, *e.OtherEnd, counted)
				}
			}
		}
	}
	for _, p := range []pass{passNobody, passNothing, passSome, passAll, passUnasked} {
		if told[p] < 20 {
			t.Errorf("%d was said %d times: the policies do not come to it", p, told[p])
		}
	}
}

// tried counts the packets of an entry at one NIC.
type tried struct {
	passed, dropped int
	guarded         int // decided by something else than rules
	peers           map[netip.Addr]bool
}

// fits reports whether that is what the matrix says. Of a part it is sure only
// where one rule alone can have it: of one peer, one family, and ports.
func (g tried) fits(said pass, s Service) bool {
	if said != passNobody && g.passed+g.dropped == 0 {
		return g.guarded > 0
	}
	switch said {
	case passNobody:
		return g.passed+g.dropped+g.guarded == 0
	case passNothing:
		return g.passed == 0
	case passSome:
		return !s.ported() || g.passed > 0 && (g.dropped > 0 || len(g.peers) > 1 || s.Family == secgroup.FamilyAny)
	default:
		return g.dropped == 0
	}
}

// portEdges are the ports at which rules begin and end, and those beside them.
func portEdges(s *secgroup.Snapshot) []uint16 {
	ports := []uint16{1, 65535}
	for _, a := range s.Accounts() {
		for _, g := range s.Groups(a.ID) {
			for i := range g.Rules {
				if service := serviceOf(&g.Rules[i]); service.ported() {
					ports = append(ports, service.PortMin, max(service.PortMin, 1)-1, service.PortMax, min(service.PortMax, 65534)+1)
				}
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// tryEnd judges packets of an entry between n and the NICs of the rule's group
// at n's end.
func tryEnd(s *secgroup.Snapshot, in *matrixInput, n *matrixNIC, e *MatrixEntry, ports []uint16) tried {
	got := tried{peers: map[netip.Addr]bool{}}
	for _, peer := range in.members[e.Group] {
		if peer == n || peer.domain != n.domain {
			continue
		}
		for _, own := range n.addresses {
			if e.Remote.CIDR.IsValid() && !e.Remote.CIDR.Contains(own) {
				continue
			}
			for _, other := range peer.addresses {
				family := secgroup.FamilyOf(own)
				if secgroup.FamilyOf(other) != family || e.Service.Family != secgroup.FamilyAny && e.Service.Family != family {
					continue
				}
				got.peers[other] = true
				for _, p := range packetsOf(e.Service, family, ports) {
					var d verdict.Decision
					if p.Src, p.Dst = own, other; e.Direction == secgroup.Ingress {
						d = verdict.Egress(s, n.NIC, p)
					} else {
						p.Src, p.Dst = other, own
						d = verdict.Ingress(s, n.NIC, p)
					}
					switch {
					case d.Reason == verdict.ReasonGuard || d.Reason == verdict.ReasonInvalid:
						got.guarded++
					case d.Allow:
						got.passed++
					default:
						got.dropped++
					}
				}
			}
		}
	}
	return got
}

// packetsOf are packets that a service is about.
func packetsOf(s Service, family secgroup.Family, ports []uint16) []packet.Tuple {
	var all []packet.Tuple
	switch s.Protocol {
	case secgroup.ProtocolTCP, secgroup.ProtocolUDP:
		proto := map[secgroup.Protocol]uint8{secgroup.ProtocolTCP: packet.ProtoTCP, secgroup.ProtocolUDP: packet.ProtoUDP}[s.Protocol]
		for _, port := range ports {
			if s.PortMin <= port && port <= s.PortMax {
				all = append(all, packet.Tuple{Proto: proto, SrcPort: 40000, DstPort: port})
			}
		}
	case secgroup.ProtocolICMP:
		proto := map[secgroup.Family]uint8{secgroup.FamilyIPv4: packet.ProtoICMP, secgroup.FamilyIPv6: packet.ProtoICMPv6}[family]
		all = append(all, packet.Tuple{Proto: proto, ICMPType: s.ICMPType.Value, ICMPCode: s.ICMPCode.Value})
	case secgroup.ProtocolAll:
		for _, proto := range []uint8{packet.ProtoTCP, 47, 132} {
			all = append(all, packet.Tuple{Proto: proto, DstPort: 9})
		}
	default:
		if number, ok := s.Protocol.Number(); ok {
			all = append(all, packet.Tuple{Proto: number})
		}
	}
	return all
}
