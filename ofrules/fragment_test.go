package ofrules_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/secgroup"
)

const fragmentPolicy = `# fragments
group sender
group dns
rule dns/r1 ingress udp 53
rule dns/r2 ingress udp 1000-2000 group sender
group ping
rule ping/r1 ingress icmp type 8 code 0 ipv4
rule ping/r2 ingress icmp type 128 ipv6
group pong
rule pong/r1 ingress icmp type 0 code 0 ipv4
rule pong/r2 ingress icmp type 0 ipv6
group zero
rule zero/r1 ingress 0
group gre
rule gre/r1 ingress 47
group all
rule all/r1 ingress all
group narrow listed
rule narrow/r1 egress udp 53
nic a blue-1 10.0.0.1 fd00:0:0:1::1
nic dns blue-1 10.0.0.2 fd00:0:0:1::2
nic ping blue-1 10.0.0.3 fd00:0:0:1::3
nic pong blue-1 10.0.0.4 fd00:0:0:1::4
nic all blue-1 10.0.0.5 fd00:0:0:1::5
nic narrow blue-1 10.0.0.6 fd00:0:0:1::6
nic zero blue-1 10.0.0.7 fd00:0:0:1::7
nic gre blue-1 10.0.0.8 fd00:0:0:1::8
attach zero zero
attach gre gre
attach sender a
attach dns dns
attach ping ping
attach pong pong
attach all all
attach narrow narrow
`

// TestFragmentsAreJudgedAsTheirDatagram: a datagram in fragments passes where it
// would pass whole, in whatever order they come, and not otherwise.
func TestFragmentsAreJudgedAsTheirDatagram(t *testing.T) {
	t.Parallel()
	s := scenarioPolicy(t, fragmentPolicy)
	l := startLive(t, s)
	for i, c := range []struct {
		from, to string
		v6       bool
		proto    layers.IPProtocol
		src, dst uint16 // ports, or an ICMP type and code
		pass     bool
	}{
		{"a", "dns", false, layers.IPProtocolUDP, 40000, 53, true},
		{"a", "dns", true, layers.IPProtocolUDP, 40000, 53, true},
		{"a", "dns", false, layers.IPProtocolUDP, 40000, 54, false},
		{"a", "dns", true, layers.IPProtocolUDP, 40000, 54, false},
		{"a", "dns", false, layers.IPProtocolUDP, 53, 2001, false},
		{"a", "dns", false, layers.IPProtocolUDP, 40000, 1999, true},
		{"narrow", "all", false, layers.IPProtocolUDP, 40000, 53, true},
		{"narrow", "all", false, layers.IPProtocolUDP, 40000, 54, false},
		{"narrow", "all", true, layers.IPProtocolUDP, 53, 40000, false},
		{"a", "ping", false, layers.IPProtocolICMPv4, 8, 0, true},
		{"a", "ping", true, layers.IPProtocolICMPv6, 128, 0, true},
		{"a", "pong", false, layers.IPProtocolICMPv4, 8, 0, false},
		{"a", "pong", true, layers.IPProtocolICMPv6, 128, 0, false},
		{"a", "zero", false, layers.IPProtocolUDP, 40000, 53, false},
		{"a", "zero", true, layers.IPProtocolICMPv6, 128, 0, false},
		{"a", "gre", true, layers.IPProtocolUDP, 40000, 53, false},
		{"a", "gre", false, layers.IPProtocolGRE, 0, 0, true},
		{"a", "all", false, layers.IPProtocolUDP, 40000, 9, true},
		{"a", "all", false, layers.IPProtocolICMPv4, 8, 0, true},
		// No VM is a DHCP server.
		{"a", "all", false, layers.IPProtocolUDP, 67, 68, false},
		{"a", "all", true, layers.IPProtocolUDP, 547, 546, false},
	} {
		from, to := s.NIC(c.from), s.NIC(c.to)
		for order, name := range []string{"in order", "the last first"} {
			id := uint32(100 + 2*i + order)
			frames := fragmented(from, to, c.v6, id, c.proto, payloadOf(c.proto, c.src+uint16(order), c.dst, 3000))
			if c.proto != layers.IPProtocolUDP {
				frames = fragmented(from, to, c.v6, id, c.proto, payloadOf(c.proto, c.src, c.dst, 3000))
			}
			if order == 1 {
				frames[0], frames[2] = frames[2], frames[0]
			}
			got, want := len(l.send(t, from, to, frames...)), 0
			if c.pass {
				want = len(frames)
			}
			if got != want {
				t.Errorf("%+v, %s: %d of %d fragments arrive\n%s", c, name, got, len(frames), l.Appctl("dpctl/dump-flows", "-m"))
			}
		}
	}
}

// payloadOf is an IP payload of some length that begins as its protocol does.
func payloadOf(proto layers.IPProtocol, src, dst uint16, length int) []byte {
	b := make([]byte, length)
	if proto == layers.IPProtocolUDP {
		binary.BigEndian.PutUint16(b, src)
		binary.BigEndian.PutUint16(b[2:], dst)
		binary.BigEndian.PutUint16(b[4:], uint16(length))
		return b
	}
	b[0], b[1] = byte(src), byte(dst)
	b[4], b[5] = 0x12, 0x34
	return b
}

const fragmentSize = 1400

// fragmented is a datagram between two NICs in fragments.
func fragmented(from, to *secgroup.NIC, v6 bool, id uint32, proto layers.IPProtocol, payload []byte) (frames [][]byte) {
	src, dst := addressOf(from, v6), addressOf(to, v6)
	withChecksum(proto, src, dst, payload)
	for at := 0; at < len(payload); at += fragmentSize {
		more := at+fragmentSize < len(payload)
		piece := payload[at:min(at+fragmentSize, len(payload))]
		if v6 {
			frames = append(frames, frame6(from, to, layers.IPProtocolIPv6Fragment, append(fragmentHeader(proto, at, more, id), piece...)))
			continue
		}
		ip := &layers.IPv4{Version: 4, TTL: 64, Id: uint16(id), Protocol: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice(), FragOffset: uint16(at / 8)}
		if more {
			ip.Flags = layers.IPv4MoreFragments
		}
		frames = append(frames, serialize(&layers.Ethernet{SrcMAC: from.MAC[:], DstMAC: to.MAC[:], EthernetType: layers.EthernetTypeIPv4}, ip, gopacket.Payload(piece)))
	}
	return frames
}

// frame6 is a frame with an IPv6 packet between two NICs.
func frame6(from, to *secgroup.NIC, next layers.IPProtocol, payload []byte) []byte {
	src, dst := addressOf(from, true), addressOf(to, true)
	return serialize(&layers.Ethernet{SrcMAC: from.MAC[:], DstMAC: to.MAC[:], EthernetType: layers.EthernetTypeIPv6},
		&layers.IPv6{Version: 6, HopLimit: 255, NextHeader: next, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}, gopacket.Payload(payload))
}

// fragmentHeader is the IPv6 extension header of a fragment (RFC 8200 §4.5).
func fragmentHeader(next layers.IPProtocol, at int, more bool, id uint32) []byte {
	b := []byte{byte(next), 0}
	offset := uint16(at)
	if more {
		offset |= 1
	}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, offset), id)
}

func addressOf(n *secgroup.NIC, v6 bool) netip.Addr {
	for _, a := range n.Addresses {
		if a.Is6() == v6 {
			return a
		}
	}
	return netip.Addr{}
}

// withChecksum puts the checksum of RFC 768, 792 or 4443 into a payload.
func withChecksum(proto layers.IPProtocol, src, dst netip.Addr, payload []byte) {
	at := 2
	sum := uint32(0)
	add := func(b []byte) {
		for i := 0; i+1 < len(b); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
	}
	if proto == layers.IPProtocolUDP {
		at = 6
	}
	if proto == layers.IPProtocolGRE {
		return
	}
	if proto != layers.IPProtocolICMPv4 { // with a pseudo-header
		add(src.AsSlice())
		add(dst.AsSlice())
		sum += uint32(proto) + uint32(len(payload))
	}
	add(payload)
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(payload[at:], ^uint16(sum))
}
