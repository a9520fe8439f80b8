package e2e

import (
	"bytes"
	be "encoding/binary"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/traffic"
)

// piece is a part of a datagram, by offset and length in bytes.
type piece struct{ at, length int }

// thirds cut a datagram of 4,008 bytes, as big does, into fragments as they
// come: multiples of 8 bytes, no less than the datapath takes.
var thirds = []piece{{0, 1400}, {1400, 1400}, {2800, 1208}}

const bigLength = 4008

// big is the payload of a datagram with the mark wherever it is cut.
func (w wire) big() gopacket.Payload {
	return bytes.Repeat(append(w.mark, make([]byte, 4)...), (bigLength-8)/16)
}

// cut4 cuts an IPv4 packet.
func cut4(frame []byte, pieces ...piece) (out [][]byte) {
	const header = 14 + 20
	body := frame[header:]
	for _, p := range pieces {
		f := append(append([]byte(nil), frame[:header]...), body[p.at:p.at+p.length]...)
		h := f[14:header]
		be.BigEndian.PutUint16(h[2:], uint16(20+p.length))
		field := uint16(p.at / 8)
		if p.at+p.length < len(body) {
			field |= 0x2000 // more
		}
		be.BigEndian.PutUint16(h[6:], field)
		h[10], h[11] = 0, 0
		be.BigEndian.PutUint16(h[10:], internetChecksum(h))
		out = append(out, f)
	}
	return out
}

// cut6 cuts an IPv6 packet without extension headers.
func cut6(id []byte, frame []byte, pieces ...piece) (out [][]byte) {
	const header = 14 + 40
	body := frame[header:]
	for _, p := range pieces {
		field := uint16(p.at)
		if p.at+p.length < len(body) {
			field |= 1 // more
		}
		fragment := []byte{frame[14+6], 0, byte(field >> 8), byte(field), id[0], id[1], id[2], id[3]}
		f := slices.Concat(frame[:header], fragment, body[p.at:p.at+p.length])
		f[14+6] = byte(layers.IPProtocolIPv6Fragment)
		be.BigEndian.PutUint16(f[14+4:], uint16(8+p.length))
		out = append(out, f)
	}
	return out
}

func internetChecksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// bigUDP is a large datagram of each family in pieces.
func (w wire) bigUDP(port uint16, pieces ...piece) [][]byte {
	v4 := w.in4(w.ip4(layers.IPProtocolUDP), udp(w.port(), port), w.big())
	v6 := w.in6(w.ip6(layers.IPProtocolUDP), udp(w.port(), port), w.big())
	return append(cut4(v4, pieces...), cut6(w.mark, v6, pieces...)...)
}

// bigUDP6 is the one of IPv6, in thirds.
func (w wire) bigUDP6(port uint16) [][]byte { return w.bigUDP(port, thirds...)[len(thirds):] }

// behindEach are the pieces of a large datagram behind headers that every piece
// has.
func (w wire) behindEach(port uint16) (frames [][]byte) {
	for _, f := range w.bigUDP6(port) {
		frames = append(frames, behind(behind(f, extDestination), extHop))
	}
	return frames
}

// cutHeader are the pieces of a large datagram with an extension header that is
// cut with the rest.
func (w wire) cutHeader(port uint16) [][]byte {
	v6 := behind(w.in6(w.ip6(layers.IPProtocolUDP), udp(w.port(), port), w.big()), extDestination)
	return cut6(w.mark, v6, piece{0, 1400}, piece{1400, 1400}, piece{2800, len(v6) - ip6Header - 2800})
}

// withoutPorts are the pieces of a large datagram with an extension header so
// long that the first piece does not hold the ports (RFC 7112).
func (w wire) withoutPorts(port uint16) [][]byte {
	long := make([]byte, 1400)
	long[1] = byte(len(long)/8 - 1)
	for i := 2; i < len(long); i += 200 {
		long[i], long[i+1] = 1, byte(min(200, len(long)-i)-2) // PadN
	}
	v6 := between(w.in6(w.ip6(layers.IPProtocolUDP), udp(w.port(), port), w.big()), extDestination, long)
	return cut6(append(be.BigEndian.AppendUint16(nil, port), w.mark...), v6, piece{0, 1400}, piece{1400, 1400}, piece{2800, 1400}, piece{4200, len(v6) - ip6Header - 4200})
}

func reversed(p []piece) []piece {
	p = slices.Clone(p)
	slices.Reverse(p)
	return p
}

var fragmentAttacks = []attack{{
	name: "a large datagram to an open port, in order", seen: "open shut out",
	frames: func(w wire) [][]byte { return w.bigUDP(53, thirds...) },
}, {
	name: "a large datagram to an open port, last piece first", seen: "open shut out",
	frames: func(w wire) [][]byte { return w.bigUDP(53, reversed(thirds)...) },
}, {
	name: "a large datagram to a shut port, in order", seen: "open out",
	frames: func(w wire) [][]byte { return w.bigUDP(99, thirds...) },
}, {
	name: "a large datagram to a shut port, last piece first", seen: "open out",
	frames: func(w wire) [][]byte { return w.bigUDP(99, reversed(thirds)...) },
}, {
	name:   "without the first piece",
	frames: func(w wire) [][]byte { return w.bigUDP(53, thirds[1:]...) },
}, {
	name:   "without the last piece",
	frames: func(w wire) [][]byte { return w.bigUDP(53, thirds[:2]...) },
}, {
	name: "a first piece of 24 bytes", // RFC 1858
	frames: func(w wire) [][]byte {
		return w.bigUDP(53, piece{0, 24}, piece{24, 1400}, piece{1424, 1400}, piece{2824, 1184})
	},
	kernel: alsoSeen("open shut out"), // it has no least size
}, {
	name:   "pieces that overlap", // RFC 5722
	frames: func(w wire) [][]byte { return w.bigUDP(53, piece{0, 1400}, piece{1392, 1400}, piece{2792, 1216}) },
}, {
	name: "a second first piece, for a shut port", seen: "open shut out",
	part: func(i int) bool { return i != 1 && i != 5 },
	frames: func(w wire) [][]byte {
		good, bad := w.bigUDP(53, thirds...), w.bigUDP(99, thirds[0])
		return [][]byte{good[0], bad[0], good[1], good[2], good[3], bad[1], good[4], good[5]}
	},
}, {
	name: "a first piece for a shut port before the one for an open port", seen: "open out",
	part: func(i int) bool { return i != 1 && i != 5 },
	frames: func(w wire) [][]byte {
		good, bad := w.bigUDP(53, thirds...), w.bigUDP(99, thirds[0])
		return [][]byte{bad[0], good[0], good[1], good[2], bad[1], good[3], good[4], good[5]}
	},
}, {
	name: "later pieces that say another protocol", seen: "open out",
	frames: func(w wire) [][]byte {
		cut := w.bigUDP6(99)
		cut[1][ip6Header], cut[2][ip6Header] = byte(layers.IPProtocolTCP), byte(layers.IPProtocolTCP)
		return cut
	},
	kernel: alsoSeenAs("open out", func(w wire) [][]byte { return w.bigUDP6(99) }), // as the first one says
}, {
	name: "a fragment header on a whole datagram to a shut port", seen: "open out",
	frames: func(w wire) [][]byte { return cut6(w.mark, w.udp6(99), piece{0, 8 + len(w.mark)}) },
}, {
	name: "a fragment header on a whole datagram to an open port", seen: "open shut out",
	frames: func(w wire) [][]byte { return cut6(w.mark, w.udp6(53), piece{0, 8 + len(w.mark)}) },
}, {
	name: "fragments behind extension headers, to a shut port", seen: "open out",
	frames: func(w wire) [][]byte { return w.behindEach(99) },
}, {
	name: "fragments behind extension headers, to an open port", seen: "open shut out",
	frames: func(w wire) [][]byte { return w.behindEach(53) },
}, {
	name:   "extension headers in fragments, to a shut port", // the userspace datapath loses them all
	frames: func(w wire) [][]byte { return w.cutHeader(99) },
	kernel: alsoSeen("open out"),
}, {
	name:   "extension headers in fragments, to an open port",
	frames: func(w wire) [][]byte { return w.cutHeader(53) },
	kernel: alsoSeen("open shut out"),
}, {
	name:   "a first piece without the ports",
	frames: func(w wire) [][]byte { return append(w.withoutPorts(53), w.withoutPorts(99)...) },
}, {
	name: "a large ping", seen: "open out",
	frames: func(w wire) [][]byte {
		v4 := w.in4(w.ip4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: w.port()}, w.big())
		v6 := w.in6(w.ip6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}, slices.Concat([]byte{1, 2, 0, 1}, w.big()[4:]))
		pieces := []piece{{0, 1400}, {1400, len(v4) - 34 - 1400}}
		pieces[1].length = 1400
		return append(cut4(v4, append(pieces, piece{2800, len(v4) - 34 - 2800})...), cut6(w.mark, v6, append(pieces, piece{2800, len(v6) - 54 - 2800})...)...)
	},
}, {
	name: "fragments from another's address",
	frames: func(w wire) [][]byte {
		w.src4, w.src6 = ip("10.0.0.77"), ip("fd00::77")
		return w.bigUDP(53, thirds...)
	},
}, {
	name: "a fragmented answer of a DHCP server",
	frames: func(w wire) [][]byte {
		v4 := w.in4(w.ip4(layers.IPProtocolUDP), udp(67, 68), w.big())
		v6 := w.in6(w.ip6(layers.IPProtocolUDP), udp(547, 546), w.big())
		return append(cut4(v4, thirds...), cut6(w.mark, v6, thirds...)...)
	},
}, {
	name: "a fragmented router advertisement", // RFC 6980
	frames: func(w wire) [][]byte {
		h := w.toGroup(ip("ff02::1")).ip6(layers.IPProtocolICMPv6)
		h.HopLimit, h.SrcIP = 255, linkLocal(w.srcMAC)
		v6 := w.in6(h, &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(134, 0)}, w.big())
		return cut6(w.mark, v6, piece{0, 1400}, piece{1400, 1400}, piece{2800, len(v6) - 54 - 2800})
	},
}, {
	name: "fragments to everyone's MAC", seen: "open",
	group: true,
	frames: func(w wire) [][]byte {
		w.dstMAC, w.dst4, w.dst6 = everyMAC(), net.IPv4bcast.To4(), ip("ff02::1")
		return w.bigUDP(99, reversed(thirds)...)
	},
}}

// holds is how long the datapath waits for the rest of a datagram.
const holds = 16 * time.Second

// testLeftFragments leaves fragments in the datapath, of datagrams that never
// become whole. OVS before 3.3 sends them on when their time is over, among
// the packets of whoever is next: none may get anywhere.
func testLeftFragments(t *testing.T, dc *datacentre) {
	s := newScene(t, dc)
	eve := s.party("eve@h1")
	from := newSender(t, eve.Node)
	var marks [][]byte
	begin := time.Now()
	for _, p := range s.parties {
		for _, pieces := range [][]piece{thirds[1:], thirds[:2], thirds[2:]} {
			w := newWire(eve, p, s.vlan)
			marks = append(marks, w.mark)
			from.send(t, w.bigUDP(99, pieces...)...)
			time.Sleep(pace)
		}
	}
	time.Sleep(holds)
	// Connections of every kind: new ones, their answers, and what they send next.
	for range 30 {
		for _, to := range []string{"shut@h1", "shut@h2", "open@h1", "open@h2"} {
			w := newWire(eve, s.party(to), s.vlan)
			for _, f := range w.udp(53) {
				from.send(t, f)
				from.send(t, f)
			}
			time.Sleep(pace)
		}
	}
	time.Sleep(inFlight)
	for _, p := range s.parties {
		for _, q := range p.Capture.Find(begin, func(q *traffic.Packet) bool { return !q.Out }) {
			if contains(q.Frame, marks) {
				t.Errorf("%s saw a fragment of a datagram that never became whole: %s", p.Name(), q.String())
			}
		}
	}
}
