package ofrules_test

import (
	"bytes"
	"encoding/hex"
	"net"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/secgroup"
)

// frameMaker makes frames as a VM may put them on its wire, whatever it likes.
type frameMaker struct {
	mac            secgroup.MAC // of the sender
	to             secgroup.MAC
	v4, v6, local6 net.IP // the sender's own
	peer4, peer6   net.IP
	other4, other6 net.IP // somebody else's
	otherMAC       net.HardwareAddr
}

func (m frameMaker) eth(typ layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: m.mac[:], DstMAC: m.to[:], EthernetType: typ}
}

func (m frameMaker) udp4(src net.IP, sport, dport layers.UDPPort) []byte {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: src, DstIP: m.peer4}
	udp := &layers.UDP{SrcPort: sport, DstPort: dport}
	udp.SetNetworkLayerForChecksum(ip)
	return serialize(m.eth(layers.EthernetTypeIPv4), ip, udp, gopacket.Payload("hello"))
}

func (m frameMaker) tagged(tags ...*layers.Dot1Q) []byte {
	all := []gopacket.SerializableLayer{m.eth(layers.EthernetTypeDot1Q)}
	for i, tag := range tags {
		tag.Type = layers.EthernetTypeIPv4
		if i+1 < len(tags) {
			tag.Type = layers.EthernetTypeDot1Q
		}
		all = append(all, tag)
	}
	whole := gopacket.NewPacket(m.udp4(m.v4, 1, 53), layers.LayerTypeEthernet, gopacket.Default)
	return serialize(append(all, gopacket.Payload(whole.LinkLayer().LayerPayload()))...)
}

func (m frameMaker) arp(op uint16, sha net.HardwareAddr, spa net.IP) []byte {
	return m.arpFor(op, sha, spa, m.peer4)
}

func (m frameMaker) arpFor(op uint16, sha net.HardwareAddr, spa, tpa net.IP) []byte {
	return serialize(m.eth(layers.EthernetTypeARP), &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation: op, SourceHwAddress: sha, SourceProtAddress: spa.To4(), DstHwAddress: m.to[:], DstProtAddress: tpa.To4(),
	})
}

// icmp6 is an ICMPv6 message; the body begins after the checksum.
func (m frameMaker) icmp6(src net.IP, hops, typ, code uint8, body ...[]byte) []byte {
	ip := &layers.IPv6{Version: 6, HopLimit: hops, NextHeader: layers.IPProtocolICMPv6, SrcIP: src, DstIP: m.peer6}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(typ, code)}
	icmp.SetNetworkLayerForChecksum(ip)
	return serialize(m.eth(layers.EthernetTypeIPv6), ip, icmp, gopacket.Payload(bytes.Join(body, nil)))
}

// neighbor is the body of a neighbour discovery message (RFC 4861 §4.3, §4.4).
func neighbor(target net.IP, options ...[]byte) []byte {
	return slices.Concat(make([]byte, 4), target.To16(), bytes.Join(options, nil))
}

// option is a link-layer address: 1 the source's, 2 the target's.
func option(kind byte, mac net.HardwareAddr) []byte { return append([]byte{kind, 1}, mac...) }

func (m frameMaker) ip6(next layers.IPProtocol, payload []byte) []byte {
	return serialize(m.eth(layers.EthernetTypeIPv6),
		&layers.IPv6{Version: 6, HopLimit: 64, NextHeader: next, SrcIP: m.v6, DstIP: m.peer6}, gopacket.Payload(payload))
}

// TestGuardOnFrames puts frames into a real switch, byte for byte: the guard
// holds for what the semantics do not see, and for how a switch reads frames
// that are made to mislead it.
func TestGuardOnFrames(t *testing.T) {
	t.Parallel()
	s := scenarioPolicy(t, `# guard
group all
rule all/r1 ingress all
nic a blue-1 10.0.0.1 fd00:0:0:1::1
nic b blue-1 10.0.0.2 fd00:0:0:1::2
attach all a
attach all b
`)
	l := startLive(t, s)
	a, b := s.NIC("a"), s.NIC("b")
	m := frameMaker{
		mac: a.MAC, to: b.MAC, v4: net.ParseIP("10.0.0.1"), v6: net.ParseIP("fd00:0:0:1::1"), local6: a.MAC.LinkLocal().AsSlice(),
		peer4: net.ParseIP("10.0.0.2"), peer6: net.ParseIP("fd00:0:0:1::2"), other4: net.ParseIP("10.0.0.9"), other6: net.ParseIP("fd00:0:0:1::9"),
		otherMAC: net.HardwareAddr{2, 9, 9, 9, 9, 9},
	}
	own := net.HardwareAddr(a.MAC[:])
	spoofed := m
	spoofed.mac = secgroup.MAC(m.otherMAC)
	const (
		request, reply = layers.ARPRequest, layers.ARPReply
		ns, na         = 135, 136
	)
	udp6 := payloadOf(layers.IPProtocolUDP, 40000, 53, 12)
	withChecksum(layers.IPProtocolUDP, addressOf(a, true), addressOf(b, true), udp6)
	padding := func(next layers.IPProtocol) []byte { return []byte{byte(next), 0, 1, 4, 0, 0, 0, 0} }
	headers := slices.Concat(padding(layers.IPProtocolIPv6Destination), padding(layers.IPProtocolIPv6Destination), padding(layers.IPProtocolUDP))

	for _, c := range []struct {
		name  string
		pass  bool
		frame []byte
	}{
		{"a datagram", true, m.udp4(m.v4, 1, 53)},
		{"with another MAC", false, spoofed.udp4(m.v4, 1, 53)},
		{"with another address", false, m.udp4(m.other4, 1, 53)},
		{"with a VLAN tag", false, m.tagged(&layers.Dot1Q{VLANIdentifier: 101})},
		{"with a priority tag", false, m.tagged(&layers.Dot1Q{Priority: 5})},
		{"with two tags", false, m.tagged(&layers.Dot1Q{VLANIdentifier: 101}, &layers.Dot1Q{VLANIdentifier: 101})},
		{"of LLDP", false, serialize(m.eth(0x88cc), gopacket.Payload(make([]byte, 50)))},
		{"of MPLS", false, serialize(m.eth(0x8847), gopacket.Payload(make([]byte, 50)))},
		{"of 802.3", false, serialize(m.eth(layers.EthernetType(50)), gopacket.Payload(make([]byte, 50)))},
		{"of reverse ARP", false, serialize(m.eth(0x8035), gopacket.Payload(make([]byte, 50)))},

		{"an ARP request", true, m.arp(request, own, m.v4)},
		{"an ARP reply", true, m.arp(reply, own, m.v4)},
		{"an ARP announcement", true, m.arpFor(request, own, m.v4, m.v4)},
		{"an ARP probe", true, m.arpFor(request, own, net.IPv4zero, m.v4)},
		{"an ARP probe for another's address", false, m.arp(request, own, net.IPv4zero)},
		{"an ARP reply from 0.0.0.0", false, m.arp(reply, own, net.IPv4zero)},
		{"an ARP reply from 0.0.0.0 about itself", false, m.arpFor(reply, own, net.IPv4zero, m.v4)},
		{"ARP of operation 0", false, m.arp(0, own, m.v4)},
		{"a reverse ARP request", false, m.arp(3, own, m.v4)},
		{"a reverse ARP reply", false, m.arp(4, own, m.v4)},
		{"an inverse ARP request", false, m.arp(8, own, m.v4)},
		{"an inverse ARP reply", false, m.arp(9, own, m.v4)},
		{"ARP of operation 257", false, m.arp(257, own, m.v4)},
		{"ARP of operation 65535", false, m.arp(65535, own, m.v4)},
		{"an ARP probe of an odd operation", false, m.arpFor(3, own, net.IPv4zero, m.v4)},
		{"an ARP reply for another address", false, m.arp(reply, own, m.other4)},
		{"an ARP reply with another MAC", false, m.arp(reply, m.otherMAC, m.v4)},
		{"an ARP probe with another MAC", false, m.arpFor(request, m.otherMAC, net.IPv4zero, m.v4)},
		{"a cut ARP reply", false, m.arp(reply, own, m.other4)[:30]},

		{"a solicitation", true, m.icmp6(m.v6, 255, ns, 0, neighbor(m.peer6, option(1, own)))},
		{"a solicitation without option", true, m.icmp6(m.local6, 255, ns, 0, neighbor(m.peer6))},
		{"a solicitation from another address", false, m.icmp6(m.other6, 255, ns, 0, neighbor(m.peer6, option(1, own)))},
		{"a solicitation with another MAC", false, m.icmp6(m.v6, 255, ns, 0, neighbor(m.peer6, option(1, m.otherMAC)))},
		{"a solicitation with two MACs", false, m.icmp6(m.v6, 255, ns, 0, neighbor(m.peer6, option(1, m.otherMAC), option(1, own)))},
		{"a solicitation from afar", false, m.icmp6(m.v6, 64, ns, 0, neighbor(m.peer6, option(1, own)))},
		{"duplicate address detection", true, m.icmp6(net.IPv6unspecified, 255, ns, 0, neighbor(m.v6))},
		{"duplicate address detection of another", false, m.icmp6(net.IPv6unspecified, 255, ns, 0, neighbor(m.other6))},
		{"an advertisement", true, m.icmp6(m.v6, 255, na, 0, neighbor(m.v6, option(2, own)))},
		{"an advertisement without option", true, m.icmp6(m.v6, 255, na, 0, neighbor(m.v6))},
		{"an advertisement of another address", false, m.icmp6(m.v6, 255, na, 0, neighbor(m.other6, option(2, own)))},
		{"an advertisement of another MAC", false, m.icmp6(m.v6, 255, na, 0, neighbor(m.v6, option(2, m.otherMAC)))},
		{"an advertisement of two MACs", false, m.icmp6(m.v6, 255, na, 0, neighbor(m.v6, option(2, m.otherMAC), option(2, own)))},
		{"a cut advertisement", false, m.icmp6(m.v6, 255, na, 0, []byte{0, 0, 0, 0, 1, 2})},
		{"a router's solicitation", false, m.icmp6(m.other6, 255, 133, 0, make([]byte, 4))},
		{"a router's advertisement", false, m.icmp6(m.local6, 255, 134, 0, make([]byte, 12))},
		{"a redirect", false, m.icmp6(m.local6, 255, 137, 0, make([]byte, 36))},

		{"a DHCP server's reply", false, m.udp4(m.v4, 67, 68)},
		{"an IPv6 datagram", true, m.ip6(layers.IPProtocolUDP, udp6)},
		{"with many headers", true, m.ip6(layers.IPProtocolIPv6Destination, append(headers, udp6...))},
		{"with headers cut off", false, m.ip6(layers.IPProtocolIPv6Destination, headers[:12])},
	} {
		if got := len(l.send(t, a, b, c.frame)); got > 1 || (got == 1) != c.pass {
			t.Errorf("%s: %d arrive\n%s", c.name, got, l.Appctl("ofproto/trace", "br", "in_port=10", hex.EncodeToString(c.frame)))
		}
	}

	// A DHCP server hides behind a long header: cut in it, or after it.
	fromServer := payloadOf(layers.IPProtocolUDP, 547, 546, 40)
	withChecksum(layers.IPProtocolUDP, addressOf(a, true), addressOf(b, true), fromServer)
	hidden := slices.Concat([]byte{byte(layers.IPProtocolUDP), 173, 1, 254}, make([]byte, 8*174-4), fromServer)
	for _, cut := range []int{8 * 173, 8 * 174} {
		id := uint32(1000 + cut)
		first := m.ip6(layers.IPProtocolIPv6Fragment, slices.Concat(fragmentHeader(layers.IPProtocolIPv6Destination, 0, true, id), hidden[:cut]))
		second := m.ip6(layers.IPProtocolIPv6Fragment, slices.Concat(fragmentHeader(layers.IPProtocolIPv6Destination, cut, false, id), hidden[cut:]))
		if got := len(l.send(t, a, b, first, second)); got > 0 {
			t.Errorf("a DHCP server's reply cut at %d arrives\n%s", cut, l.Appctl("dpctl/dump-flows"))
		}
	}
}
