package e2e

import (
	be "encoding/binary"
	"slices"

	"github.com/gopacket/gopacket/layers"
)

// Headers between IP and what it carries, and headers that lie about it.

const (
	extHop         = layers.IPProtocolIPv6HopByHop
	extRouting     = layers.IPProtocolIPv6Routing
	extFragment    = layers.IPProtocolIPv6Fragment
	extDestination = layers.IPProtocolIPv6Destination
	ip6Header      = 14 + 40 // where what follows the IPv6 header begins in a frame
)

// between puts a header, whose first byte is the type of the next one, right
// behind the IPv6 header.
func between(frame []byte, kind layers.IPProtocol, header []byte) []byte {
	f := slices.Concat(frame[:ip6Header], header, frame[ip6Header:])
	f[ip6Header] = frame[14+6]
	f[14+6] = byte(kind)
	be.BigEndian.PutUint16(f[14+4:], uint16(len(f)-ip6Header))
	return f
}

// behind puts an IPv6 packet behind a header of eight bytes of padding: an
// extension header, or what has the form of one.
func behind(frame []byte, kind layers.IPProtocol) []byte {
	return between(frame, kind, []byte{0, 0, 1, 4, 0, 0, 0, 0}) // PadN
}

// extended is a datagram behind extension headers of every kind, in the usual
// order and in others.
func (w wire) extended(port uint16) [][]byte {
	f := w.udp6(port)
	many := f
	for range 20 {
		many = behind(many, extDestination)
	}
	return [][]byte{
		behind(f, extHop), behind(f, extDestination), behind(behind(f, extDestination), extHop),
		behind(behind(behind(f, extDestination), extDestination), extHop), many,
		behind(behind(f, extHop), extDestination), behind(behind(f, extHop), extHop),
		between(f, extRouting, []byte{0, 0, 253, 0, 0, 0, 0, 0}),                             // an experimental type, no segments left
		between(f, extRouting, slices.Concat([]byte{0, 2, 0, 1, 0, 0, 0, 0}, w.src6.To16())), // RFC 5095: of type 0, with a segment left
		between(f, layers.IPProtocolAH, []byte{0, 0, 0, 0, 0, 0, 0, 1}),                      // RFC 4302
		between(f, extDestination, []byte{0, 0, 0xc2, 4, 0xff, 0xff, 0xff, 0xff}),            // a jumbo payload's option
		between(behind(f, extDestination), extFragment, []byte{0, 0, 0, 0, 9, 9, 9, 9}),      // RFC 6946: of a datagram in one piece
	}
}

// withOptions is a datagram with each IPv4 option that routers may act on.
func (w wire) withOptions(port uint16) (frames [][]byte) {
	hop := w.dst4.To4()
	for _, o := range []layers.IPv4Option{
		{OptionType: 131, OptionLength: 7, OptionData: append([]byte{4}, hop...)}, // loose source route
		{OptionType: 137, OptionLength: 7, OptionData: append([]byte{4}, hop...)}, // strict source route
		{OptionType: 7, OptionLength: 7, OptionData: []byte{4, 0, 0, 0, 0}},       // record route
		{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}},              // router alert
	} {
		h := w.ip4(layers.IPProtocolUDP)
		h.Options = []layers.IPv4Option{o}
		frames = append(frames, w.in4(h, udp(w.port(), port), w.payload()))
	}
	return frames
}

// patched is a frame with some bytes of its IP packet replaced; an IPv4 header
// gets its checksum again.
func patched(frame []byte, at int, b ...byte) []byte {
	f := slices.Clone(frame)
	copy(f[14+at:], b)
	if header := int(f[14]&15) * 4; f[14]>>4 == 4 && header >= 20 && 14+header <= len(f) {
		f[24], f[25] = 0, 0
		be.BigEndian.PutUint16(f[24:], internetChecksum(f[14:14+header]))
	}
	return f
}

// lying is a datagram each of whose lengths is wrong.
func (w wire) lying(port uint16) [][]byte {
	v4, v6 := w.udp4(port), w.udp6(port)
	return [][]byte{
		patched(v6, 4, 0xff, 0xff), // beyond the frame
		patched(v4, 2, 0xff, 0xff),
		patched(v6, 4, 0, 0), // none
		patched(v6, 40+4, 0xff, 0xff),
		patched(v6, 40+4, 0, 7),
		patched(v4, 2, 0, 19),         // less than the header
		patched(v4, 2, 0, 24),         // less than the UDP header
		patched(v4, 0, 0x44),          // IHL of 16 bytes
		patched(v4, 0, 0x4f),          // IHL beyond the packet
		patched(v4, 20+4, 0xff, 0xff), // UDP length beyond the packet
		patched(v4, 20+4, 0, 7),       // less than its own header
	}
}

// isBeyondFrame: the receiver's stack drops what says to be longer than it is.
func isBeyondFrame(i int) bool { return i == 0 || i == 1 }

// patchedTCP replaces one byte of the TCP header, of the frame of a segment
// without IP options, whose checksum stays right: the bytes beside it make up
// for it.
func patchedTCP(frame []byte, at int, b byte) []byte {
	f := slices.Clone(frame)
	header := 14 + 20
	if f[14]>>4 == 6 {
		header = ip6Header
	}
	old := be.BigEndian.Uint16(f[header+at&^1:])
	f[header+at] = b
	sum := uint32(^be.BigEndian.Uint16(f[header+16:])) + uint32(^old) + uint32(be.BigEndian.Uint16(f[header+at&^1:])) // RFC 1624
	sum = sum>>16 + sum&0xffff
	be.BigEndian.PutUint16(f[header+16:], ^uint16(sum>>16+sum))
	return f
}

var headerAttacks = []attack{{
	name: "IPv4 with options, to a shut port", seen: "open out",
	frames: func(w wire) [][]byte { return w.withOptions(99) },
}, {
	name: "IPv4 with options, to an open port", seen: "open shut out",
	frames: func(w wire) [][]byte { return w.withOptions(53) },
}, {
	name: "IPv6 extension headers, to a shut port", seen: "open out",
	frames: func(w wire) [][]byte { return w.extended(99) },
}, {
	name: "IPv6 extension headers, to an open port", seen: "open shut out",
	frames: func(w wire) [][]byte { return w.extended(53) },
}, {
	name: "IPv6 headers that nobody knows", seen: "open out", // judged as protocols of these numbers
	frames: func(w wire) (frames [][]byte) {
		f := w.udp6(53)
		for _, kind := range []layers.IPProtocol{135, 139, 140, 253, 254} { // mobility, HIP, shim6, experiments
			frames = append(frames, behind(f, kind), behind(behind(f, kind), extDestination))
		}
		return frames
	},
}, {
	name: "a header that says there is no next one", seen: "open out",
	frames: func(w wire) [][]byte { return [][]byte{patched(w.udp6(53), 6, 59)} },
	kernel: alsoSeen(""), // not tracked, thus invalid
}, {
	name: "IPv6 extension headers that do not end in the packet",
	frames: func(w wire) (frames [][]byte) {
		for _, kind := range []layers.IPProtocol{extHop, extRouting, extDestination, layers.IPProtocolAH} {
			f := behind(w.udp6(53), kind)
			frames = append(frames, patched(f, 40+1, 200), patched(f, 4, 0, 4))
		}
		return append(frames, patched(between(w.udp6(53), extFragment, make([]byte, 8)), 4, 0, 4))
	},
}, {
	name:   "lengths that lie, to a shut port",
	frames: func(w wire) [][]byte { return w.lying(99) },
	kernel: maybeSeen("open out", isBeyondFrame), // judged by its port all the same
}, {
	name:   "lengths that lie, to an open port",
	frames: func(w wire) [][]byte { return w.lying(53) },
	kernel: maybeSeen("open shut out", isBeyondFrame),
}, {
	name: "TCP lengths that lie",
	frames: func(w wire) (frames [][]byte) {
		for i, f := range w.tcp(53, 0x02) {
			frames = append(frames,
				patchedTCP(f, 12, 0x40), // a header of 16 bytes
				patchedTCP(f, 12, 0x00), // of none
				patchedTCP(f, 12, 0xf0), // beyond the segment
			)
			if i == 0 {
				frames = append(frames, patched(f, 2, 0, 20+12)) // cut in its header
			} else {
				frames = append(frames, patched(f, 4, 0, 12))
			}
		}
		return frames
	},
}}
