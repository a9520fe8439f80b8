package ofrules_test

import (
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// guardPolicy has a NIC of every kind that the guard tells apart, each once in
// a group that lets nothing out and once in one that lets everything.
const guardPolicy = `# guard
network blue-1 gateway fe80::254 10.0.0.254
group closed listed
group open open
rule open/in ingress all
nic both-closed blue-1 10.0.0.1 fd00:0:0:1::1
nic four-closed blue-1 10.0.0.2
nic six-closed blue-1 fd00:0:0:1::3
nic wide-closed blue-1 10.0.0.4 allowed 10.0.0.128/25 fd00:0:0:1::/64
nic any-closed blue-1 allowed 0.0.0.0/0 ::/0
nic none-closed blue-1
nic server-closed blue-1 10.0.0.7 fd00:0:0:1::7 dhcp-server
nic bare-server-closed blue-1 dhcp-server
nic off-closed blue-1 10.0.0.9 off
nic both-open blue-1 10.0.0.11 fd00:0:0:1::11
nic four-open blue-1 10.0.0.12
nic wide-open blue-1 10.0.0.14 allowed 10.0.0.128/25 fd00:0:0:1::/64
nic any-open blue-1 allowed 0.0.0.0/0 ::/0
nic none-open blue-1
nic server-open blue-1 10.0.0.17 fd00:0:0:1::17 dhcp-server
attach closed both-closed
attach closed four-closed
attach closed six-closed
attach closed wide-closed
attach closed any-closed
attach closed none-closed
attach closed server-closed
attach closed bare-server-closed
attach closed off-closed
attach open both-open
attach open four-open
attach open wide-open
attach open any-open
attach open none-open
attach open server-open
`

var (
	guardSources = []string{
		"own", "link-local", "0.0.0.0", "::", "10.0.0.99", "10.0.0.130", "192.0.2.1", "10.0.0.254",
		"fe80::254", "fe80::9", "fd00:0:0:1::99", "2001:db8::9",
	}
	guardDestinations = []string{"8.8.8.8", "255.255.255.255", "2001:db8::1", "ff02::1:2"}
)

// guardPackets returns a packet of each kind that the guard tells apart.
func guardPackets() []packet.Tuple {
	packets := []packet.Tuple{{Proto: packet.ProtoTCP, SrcPort: 40000, DstPort: 80}, {Proto: 47}}
	for _, ports := range [][2]uint16{
		{40000, 53}, {68, 67}, {67, 68}, {67, 67}, {40000, 68}, {40000, 67}, {68, 68},
		{546, 547}, {547, 546}, {547, 547}, {40000, 546}, {40000, 547},
	} {
		packets = append(packets, packet.Tuple{Proto: packet.ProtoUDP, SrcPort: ports[0], DstPort: ports[1]})
	}
	for _, message := range []uint8{5, 8, 128, 133, 134, 135, 136, 137} {
		for _, code := range []uint8{0, 1} {
			packets = append(packets,
				packet.Tuple{Proto: packet.ProtoICMP, ICMPType: message, ICMPCode: code},
				packet.Tuple{Proto: packet.ProtoICMPv6, ICMPType: message, ICMPCode: code})
		}
	}
	return packets
}

// TestGuardDecidesAsTheSemanticsSay compares the guard's flows with the
// semantics on every combination of NIC, source, destination and message.
func TestGuardDecidesAsTheSemanticsSay(t *testing.T) {
	t.Parallel()
	f := newFabric(scenarioPolicy(t, guardPolicy), 1)
	for _, n := range f.policy.NICs() {
		t.Run(n.ID, func(t *testing.T) {
			t.Parallel()
			for _, from := range guardSources {
				for _, to := range guardDestinations {
					for _, p := range guardPackets() {
						f.guardCases(t, n, from, to, p)
					}
				}
			}
		})
	}
}

// guardCases takes a packet out of a NIC, from every address that a word
// stands for, and into it.
func (f *fabric) guardCases(t *testing.T, n *secgroup.NIC, from, to string, p packet.Tuple) {
	t.Helper()
	var sources []netip.Addr
	switch from {
	case "own":
		sources = n.Addresses
	case "link-local":
		sources = []netip.Addr{n.MAC.LinkLocal()}
	default:
		sources = []netip.Addr{netip.MustParseAddr(from)}
	}
	p.Dst = netip.MustParseAddr(to)
	for _, src := range sources {
		p.Src = src
		if src.Is4() != p.Dst.Is4() || icmpOfOtherFamily(p) {
			continue
		}
		f.compare(t, policytest.Case{Src: n, Packet: p})
		if from != "own" && from != "link-local" {
			f.compare(t, policytest.Case{Dst: n, Packet: p})
		}
	}
}

// icmpOfOtherFamily: an ICMP of the other family is a protocol without messages.
func icmpOfOtherFamily(p packet.Tuple) bool {
	return p.Proto == packet.ProtoICMP && p.Src.Is6() || p.Proto == packet.ProtoICMPv6 && p.Src.Is4()
}

// scenarioPolicy is the policy that the lines of one scenario make.
func scenarioPolicy(tb testing.TB, text string) *secgroup.Snapshot {
	tb.Helper()
	scenarios, err := policytest.ParseScenarios(text)
	if err != nil {
		tb.Fatal(err)
	}
	s := secgroup.NewSnapshot()
	for i, step := range scenarios[0].Steps {
		s, _ = s.With(int64(i+1), step.Changes)
	}
	return s
}
