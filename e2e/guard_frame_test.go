package e2e

import (
	"crypto/rand"
	"net"
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/matrix"
)

// wire is what the frames from one machine to another have in common. A case
// changes what it lies about.
type wire struct {
	srcMAC, dstMAC         net.HardwareAddr
	src4, dst4, src6, dst6 net.IP
	vlan                   uint16 // of the sender's network
	// mark is in every frame of the case to this target, and in no other's.
	mark []byte
}

func newWire(from, to *matrix.Party, vlan uint16) wire {
	w := wire{
		srcMAC: mac(from.Node.MAC), src4: from.Node.Address(4).AsSlice(), src6: from.Node.Address(6).AsSlice(),
		vlan: vlan, mark: make([]byte, 12),
	}
	if to != nil {
		w.dstMAC, w.dst4, w.dst6 = mac(to.Node.MAC), to.Node.Address(4).AsSlice(), to.Node.Address(6).AsSlice()
	}
	rand.Read(w.mark)
	return w
}

func mac(text string) net.HardwareAddr {
	m, err := net.ParseMAC(text)
	if err != nil {
		panic(err)
	}
	return m
}

func ip(text string) net.IP { return net.ParseIP(text) }

// linkLocal is the address made of a MAC (RFC 4291, appendix A).
func linkLocal(m net.HardwareAddr) net.IP {
	return net.IP{0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}
}

// frame serializes layers with their lengths and checksums. Short frames are
// not padded, for a switch need not keep the padding.
func (w wire) frame(t layers.EthernetType, ls ...gopacket.SerializableLayer) []byte {
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...); err != nil {
		panic(err)
	}
	return slices.Concat(w.dstMAC, w.srcMAC, []byte{byte(t >> 8), byte(t)}, b.Bytes())
}

func (w wire) ip4(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Id: uint16(w.mark[0])<<8 | uint16(w.mark[1]), Protocol: proto, SrcIP: w.src4, DstIP: w.dst4}
}

func (w wire) ip6(next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: next, SrcIP: w.src6, DstIP: w.dst6}
}

func (w wire) payload() gopacket.Payload { return gopacket.Payload(w.mark) }

// in4 and in6 put L4 layers into a frame.
func (w wire) in4(ip *layers.IPv4, ls ...gopacket.SerializableLayer) []byte {
	bindChecksums(ip, ls)
	return w.frame(layers.EthernetTypeIPv4, append([]gopacket.SerializableLayer{ip}, ls...)...)
}

func (w wire) in6(ip *layers.IPv6, ls ...gopacket.SerializableLayer) []byte {
	bindChecksums(ip, ls)
	return w.frame(layers.EthernetTypeIPv6, append([]gopacket.SerializableLayer{ip}, ls...)...)
}

func bindChecksums(ip gopacket.NetworkLayer, ls []gopacket.SerializableLayer) {
	for _, l := range ls {
		if c, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := c.SetNetworkLayerForChecksum(ip); err != nil {
				panic(err)
			}
		}
	}
}

func udp(src, dst uint16) *layers.UDP {
	return &layers.UDP{SrcPort: layers.UDPPort(src), DstPort: layers.UDPPort(dst)}
}

// udp4 and udp6 are whole datagrams to a port.
func (w wire) udp4(port uint16) []byte {
	return w.in4(w.ip4(layers.IPProtocolUDP), udp(w.port(), port), w.payload())
}

func (w wire) udp6(port uint16) []byte {
	return w.in6(w.ip6(layers.IPProtocolUDP), udp(w.port(), port), w.payload())
}

func (w wire) udp(port uint16) [][]byte { return [][]byte{w.udp4(port), w.udp6(port)} }

// port is a source port that no other case to this target has.
func (w wire) port() uint16 { return 20000 + (uint16(w.mark[2])<<8|uint16(w.mark[3]))%40000 }

// arp is an ARP message with the mark in its padding.
func (w wire) arp(op uint16, senderMAC net.HardwareAddr, sender net.IP, target net.IP) []byte {
	return append(w.frame(layers.EthernetTypeARP, &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: op,
		SourceHwAddress: senderMAC, SourceProtAddress: sender.To4(), DstHwAddress: make([]byte, 6), DstProtAddress: target.To4(),
	}), w.mark...)
}

// icmp6 is an ICMPv6 message with the mark behind the packet, where it gets lost
// if the packet passes through the kernel's ct().
func (w wire) icmp6(hops uint8, typ uint8, body []byte) []byte {
	return append(w.markedICMP6(hops, typ, body), w.mark...)
}

// markedICMP6 is an ICMPv6 message whose body holds the mark.
func (w wire) markedICMP6(hops uint8, typ uint8, body []byte) []byte {
	h := w.ip6(layers.IPProtocolICMPv6)
	h.HopLimit = hops
	return w.in6(h, &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(typ, 0)}, gopacket.Payload(body))
}

// ndOption is a source (1) or target (2) link-layer address (RFC 4861 §4.6.1).
func ndOption(kind byte, m net.HardwareAddr) []byte { return append([]byte{kind, 1}, m...) }

// nonce is an option of neighbour discovery (RFC 3971 §5.3.2) that holds the
// mark.
func (w wire) nonce() []byte { return slices.Concat([]byte{14, 2}, w.mark, []byte{0, 0}) }

// neighbour is the body of a solicitation or, with flags, an advertisement.
func neighbour(flags byte, target net.IP, options ...[]byte) []byte {
	body := append([]byte{flags, 0, 0, 0}, target.To16()...)
	for _, o := range options {
		body = append(body, o...)
	}
	return body
}

// toGroup addresses w to an IPv6 multicast group (RFC 2464 §7).
func (w wire) toGroup(group net.IP) wire {
	g := group.To16()
	w.dst6 = g
	w.dstMAC = net.HardwareAddr{0x33, 0x33, g[12], g[13], g[14], g[15]}
	return w
}

// everyMAC is the broadcast address, each time another slice: who has it may
// change it.
func everyMAC() net.HardwareAddr { return net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }
