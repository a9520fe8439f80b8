package ofrules_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/secgroup"
)

// What nobody allows is dropped by few megaflows, whoever sends it, from whichever port
// and to whichever: kinds of ports and kinds of addresses do not multiply, and there is
// none of one port. Of the services that rules are about there may be one a client.
func TestScansMakeFewMegaflows(t *testing.T) {
	t.Parallel()
	// The clients are addresses of one NIC, among which are a group's members.
	policy := `# scan
group web
group db
group scanner
rule web/r1 ingress tcp 80
rule web/r2 ingress tcp 443
rule web/r3 ingress tcp 8000-8079 group db
rule web/r4 ingress udp 53 group db
rule web/r5 ingress tcp 5432 group db
%s
nic a blue-1 10.0.0.1 allowed 10.0.0.0/20
nic b blue-1 10.0.200.2
attach scanner a
attach web b
attach db m
nic m blue-1`
	for i := range 100 {
		policy += fmt.Sprintf(" 10.0.%d.%d", i%16, 2*(i+3))
	}
	for name, c := range map[string]struct {
		rule   string
		closed int // megaflows of closed ports of one kind, whoever sends
		all    int // and of all closed ports
	}{
		"services": {"", 10, 30},
		"a prefix": {"rule web/r6 ingress tcp 22 cidr 10.0.1.0/24", 10, 30},
		// An address is looked up whatever the port: as many as kinds of addresses, and kinds of ports.
		"every protocol": {"rule web/r6 ingress all group web", 400, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scenarioPolicy(t, fmt.Sprintf(policy, c.rule))
			l := startLive(t, s)
			a, b := s.NIC("a"), s.NIC("b")
			r := rand.New(rand.NewPCG(1, 2))
			clients := map[netip.Addr]bool{}
			client := func() netip.Addr {
				c := netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(16)), byte(2*r.IntN(126) + 3)})
				clients[c] = true
				return c
			}
			from := func() uint16 { return uint16(20000 + r.IntN(50)) }
			made := func(frames ...[]byte) int {
				t.Helper()
				l.Appctl("revalidator/purge")
				if got := l.send(t, a, b, frames...); len(got) > 0 {
					t.Fatalf("%d pass", len(got))
				}
				n := strings.Count(l.Appctl("dpctl/dump-flows"), "actions:drop")
				t.Logf("%d SYNs make %d megaflows", len(frames), n)
				return n
			}
			var closed, all, concerned [][]byte
			for range 1000 {
				closed = append(closed, syn(a, b, client(), from(), uint16(9000+r.IntN(50000))))
				all = append(all, syn(a, b, client(), from(), closedPort(r)))
				concerned = append(concerned, syn(a, b, client(), from(), 5432))
			}
			if n := made(closed...); n > c.closed {
				t.Errorf("1,000 SYNs to closed ports make %d megaflows", n)
			}
			if n := made(all...); n > c.all {
				t.Errorf("1,000 SYNs to all closed ports make %d megaflows", n)
			}
			if n := made(concerned...); n > 400 {
				t.Errorf("1,000 SYNs of %d clients that are not let in make %d megaflows", len(clients), n)
			}
		})
	}
}

// closedPort is a port that no rule of the policy opens to anybody.
func closedPort(r *rand.Rand) uint16 {
	for {
		if p := uint16(1 + r.IntN(65535)); p != 80 && p != 443 && p != 22 && p != 5432 && p/80 != 100 {
			return p
		}
	}
}

// The rule that admitted a connection is no part of what its megaflows compare: as many
// rules as there may be, established connections share them.
func TestRulesShareMegaflows(t *testing.T) {
	t.Parallel()
	policy := `# share
group web
rule web/r0 ingress all group web
nic a blue-1 10.0.0.1
nic b blue-1 10.0.0.2
attach web b
`
	const rules = 20
	for i := range rules {
		policy += fmt.Sprintf("rule web/p%d ingress udp %d\n", i, 5000+i)
	}
	s := scenarioPolicy(t, policy)
	l := startLive(t, s)
	a, b := s.NIC("a"), s.NIC("b")
	established := func(connections int) int {
		t.Helper()
		l.Appctl("revalidator/purge")
		for i := range connections {
			ask, answer := udp(a, b, 3000, uint16(5000+i)), udp(b, a, uint16(5000+i), 3000)
			for _, way := range []struct {
				from, to *secgroup.NIC
				frame    []byte
			}{{a, b, ask}, {b, a, answer}, {a, b, ask}} {
				if got := l.send(t, way.from, way.to, way.frame); len(got) != 1 {
					t.Fatalf("connection %d: %d frames pass from %s to %s", i, len(got), way.from.ID, way.to.ID)
				}
			}
		}
		return strings.Count(l.Appctl("dpctl/dump-flows"), "+est")
	}
	one, all := established(1), established(rules)
	if one == 0 || all > one {
		t.Errorf("established connections of one rule have %d megaflows, those of %d rules %d", one, rules, all)
	}
}

// What follows a SYN has the SYN's masks where a SYN's own would be in its way: the
// datapath goes through masks in the order in which they came up.
func TestSYNsLeaveNoMasksInTheWay(t *testing.T) {
	t.Parallel()
	s := scenarioPolicy(t, `# masks
group web
rule web/r0 ingress tcp 80
nic a blue-1 10.0.0.1
nic b blue-1 10.0.0.2
attach web b
`)
	l := startLive(t, s)
	l.Vsctl("set", "Open_vSwitch", ".", "other_config:emc-insert-inv-prob=0")
	a, b := s.NIC("a"), s.NIC("b")
	const data = 50
	send := func(from, to *secgroup.NIC, tcp layers.TCP, times int) {
		t.Helper()
		frames := slices.Repeat([][]byte{segment(from, to, from.Addresses[0], tcp)}, times)
		if got := l.send(t, from, to, frames...); len(got) != times {
			t.Fatalf("%d of %d frames pass from %s to %s", len(got), times, from.ID, to.ID)
		}
	}
	l.Appctl("revalidator/purge")
	send(a, b, layers.TCP{SrcPort: 3000, DstPort: 80, Seq: 100, SYN: true}, 1)
	send(b, a, layers.TCP{SrcPort: 80, DstPort: 3000, Seq: 500, Ack: 101, SYN: true, ACK: true}, 1)
	send(a, b, layers.TCP{SrcPort: 3000, DstPort: 80, Seq: 101, Ack: 501, ACK: true}, 1)
	l.Appctl("dpif-netdev/pmd-stats-clear")
	send(a, b, layers.TCP{SrcPort: 3000, DstPort: 80, Seq: 101, Ack: 501, ACK: true}, data)
	// Before those of the three passes are one for the ARP that ends each sending, and one
	// for the SYN's port.
	const most = (2 + 3 + 5) / 3.0
	_, text, _ := strings.Cut(l.Appctl("dpif-netdev/pmd-stats-show"), "avg. subtable lookups per megaflow hit: ")
	var masks float64
	if _, err := fmt.Sscan(text, &masks); err != nil || masks > most+0.1 {
		t.Errorf("a packet looks at %.2f masks a pass (%v), want %.2f at most", masks, err, most)
	}
}

func udp(from, to *secgroup.NIC, sport, dport uint16) []byte {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IP(from.Addresses[0].AsSlice()), DstIP: net.IP(to.Addresses[0].AsSlice())}
	datagram := &layers.UDP{SrcPort: layers.UDPPort(sport), DstPort: layers.UDPPort(dport)}
	if err := datagram.SetNetworkLayerForChecksum(ip); err != nil {
		panic(err)
	}
	return serialize(&layers.Ethernet{SrcMAC: from.MAC[:], DstMAC: to.MAC[:], EthernetType: layers.EthernetTypeIPv4}, ip, datagram)
}

func syn(from, to *secgroup.NIC, src netip.Addr, sport, dport uint16) []byte {
	return segment(from, to, src, layers.TCP{SrcPort: layers.TCPPort(sport), DstPort: layers.TCPPort(dport), SYN: true})
}

func segment(from, to *secgroup.NIC, src netip.Addr, tcp layers.TCP) []byte {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP(src.AsSlice()), DstIP: net.IP(to.Addresses[0].AsSlice())}
	tcp.Window = 1000
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		panic(err)
	}
	return serialize(&layers.Ethernet{SrcMAC: from.MAC[:], DstMAC: to.MAC[:], EthernetType: layers.EthernetTypeIPv4}, ip, &tcp)
}
