package e2e

import (
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// Frames and packets that are not what they seem.

func payload(b []byte) gopacket.SerializableLayer { return gopacket.Payload(b) }

// tagged puts VLAN tags, given as EtherType and id, before the EtherType.
func tagged(frame []byte, tags ...uint16) []byte {
	f := slices.Clone(frame[:12])
	for i := 0; i < len(tags); i += 2 {
		f = append(f, byte(tags[i]>>8), byte(tags[i]), byte(tags[i+1]>>8), byte(tags[i+1]))
	}
	return append(f, frame[12:]...)
}

// ethertype is a frame of that type, or of that length, with the mark in it.
func (w wire) ethertype(t uint16, body ...byte) []byte {
	return slices.Concat(w.dstMAC, w.srcMAC, []byte{byte(t >> 8), byte(t)}, body, w.mark, make([]byte, 40))
}

// inSNAP puts what an Ethernet II frame carries behind LLC and SNAP (RFC 1042).
func inSNAP(f []byte) []byte {
	length := len(f) - 14 + 8
	return slices.Concat(f[:12], []byte{byte(length >> 8), byte(length), 0xaa, 0xaa, 3, 0, 0, 0, f[12], f[13]}, f[14:])
}

var frameAttacks = []attack{{
	name: "tagged with a VLAN",
	frames: func(w wire) (frames [][]byte) {
		for _, f := range w.udp(53) {
			// The tag of priority 7 and of a canonical format indicator, too.
			for _, tci := range []uint16{w.vlan, w.vlan + 1, 0, 1, 4095, 0xe000, 0x1000, 0xf000 | w.vlan} {
				frames = append(frames, tagged(f, 0x8100, tci))
			}
		}
		return frames
	},
}, {
	name: "tagged more than once, or by the provider's tag",
	frames: func(w wire) [][]byte {
		f := w.udp4(53)
		return [][]byte{
			tagged(f, 0x88a8, w.vlan, 0x8100, w.vlan), tagged(f, 0x8100, w.vlan, 0x8100, w.vlan+1),
			tagged(f, 0x8100, 0, 0x8100, w.vlan), tagged(f, 0x88a8, w.vlan), tagged(f, 0x88a8, 0), tagged(f, 0x9100, w.vlan, 0x8100, w.vlan),
			tagged(f, 0x8100, 0, 0x8100, 0, 0x8100, w.vlan), tagged(f, 0x88a8, w.vlan, 0x8100, 0, 0x8100, w.vlan),
		}
	},
}, {
	name: "not IP",
	frames: func(w wire) [][]byte {
		return [][]byte{
			w.ethertype(0x88cc), w.ethertype(0x888e), w.ethertype(0x8847), w.ethertype(0x8863), w.ethertype(0x8864), w.ethertype(0x8137),
			w.ethertype(0x0842), w.ethertype(0x88e5), w.ethertype(0x8906), w.ethertype(0x6558), w.ethertype(0x9000), w.ethertype(0xffff), w.ethertype(0x0600),
			w.ethertype(60, 0x42, 0x42, 3), w.ethertype(60, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0), w.ethertype(0),
		}
	},
}, {
	name: "LLDP, STP, CDP, LACP to their groups", group: true,
	frames: func(w wire) (frames [][]byte) {
		for _, m := range []string{"01:80:c2:00:00:00", "01:80:c2:00:00:02", "01:80:c2:00:00:0e", "01:00:0c:cc:cc:cc", "ff:ff:ff:ff:ff:ff"} {
			w.dstMAC = mac(m)
			frames = append(frames, w.ethertype(0x88cc), w.ethertype(0x8809), w.ethertype(60, 0x42, 0x42, 3, 0, 0, 0, 0))
		}
		return frames
	},
}, {
	name: "IPv4 in SNAP from another's address",
	frames: func(w wire) [][]byte {
		w.src4 = ip("10.0.0.12")
		return [][]byte{inSNAP(w.udp4(53))}
	},
}, {
	// Open vSwitch reads it as the IP packet that it is, and no field tells of it.
	name: "IPv4 in SNAP to a shut port", seen: "open out",
	frames: func(w wire) [][]byte { return [][]byte{inSNAP(w.udp4(99))} },
}, {
	name: "IPv6 in an IPv4 frame and the reverse",
	frames: func(w wire) [][]byte {
		v4, v6 := w.udp4(53), w.udp6(53)
		v4[12], v4[13], v6[12], v6[13] = 0x86, 0xdd, 0x08, 0x00
		return [][]byte{v4, v6}
	},
}, {
	name: "wrong checksums",
	frames: func(w wire) [][]byte {
		header := w.udp4(53)
		header[24] ^= 0x55
		return [][]byte{header, patched(w.udp4(53), 20+6, 0x12, 0x34), patched(w.udp6(53), 40+6, 0x12, 0x34)}
	},
}, {
	name: "TCP with flags that begin nothing", // nor belong to anything
	frames: func(w wire) (frames [][]byte) {
		for _, flags := range []byte{0x00, 0x01, 0x03, 0x06, 0x08, 0x12, 0x20, 0x29, 0x2b, 0x3f, 0x07} {
			frames = append(frames, w.tcp(53, flags)...)
		}
		return frames
	},
}, {
	name:   "TCP in the middle of nothing",
	frames: func(w wire) [][]byte { return append(w.tcp(99, 0x10), w.tcp(53, 0x18)...) },
}, {
	name: "TCP to a shut port", seen: "open out",
	frames: func(w wire) [][]byte { return w.tcp(99, 0x02) },
}, {
	name: "TCP to an open port", seen: "open shut out",
	frames: func(w wire) [][]byte { return w.tcp(53, 0x02) },
}, {
	name: "ICMP errors about nothing",
	frames: func(w wire) (frames [][]byte) {
		back := w
		back.src4, back.dst4, back.src6, back.dst6 = w.dst4, w.src4, w.dst6, w.src6
		for _, typ := range []uint8{3, 4, 11, 12} {
			frames = append(frames, w.in4(w.ip4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(typ, 0)}, payload(back.udp4(53)[14:])))
		}
		for _, typ := range []uint8{1, 2, 3, 4} {
			frames = append(frames, w.in6(w.ip6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(typ, 0)},
				payload(slices.Concat([]byte{0, 0, 5, 0}, back.udp6(53)[14:]))))
		}
		return frames
	},
}, {
	name: "a tunnel", seen: "open out", // judged as the protocol that it is
	frames: func(w wire) [][]byte {
		return [][]byte{
			w.in4(w.ip4(layers.IPProtocolIPv4), payload(w.udp4(53)[14:])), w.in4(w.ip4(layers.IPProtocolIPv6), payload(w.udp6(53)[14:])),
			w.in4(w.ip4(layers.IPProtocolGRE), payload(append([]byte{0, 0, 8, 0}, w.udp4(53)[14:]...))),
			w.in6(w.ip6(layers.IPProtocolIPv6), payload(w.udp6(53)[14:])),
		}
	},
}}

func (w wire) tcp(port uint16, flags byte) [][]byte {
	segment := func() *layers.TCP {
		return &layers.TCP{
			SrcPort: layers.TCPPort(w.port()), DstPort: layers.TCPPort(port), Seq: 1, Window: 1000,
			FIN: flags&1 != 0, SYN: flags&2 != 0, RST: flags&4 != 0, PSH: flags&8 != 0, ACK: flags&16 != 0, URG: flags&32 != 0,
		}
	}
	return [][]byte{w.in4(w.ip4(layers.IPProtocolTCP), segment(), w.payload()), w.in6(w.ip6(layers.IPProtocolTCP), segment(), w.payload())}
}
