package e2e

import (
	"slices"

	"github.com/gopacket/gopacket/layers"
)

// ICMP that belongs to no connection. "shut" has no rule for ICMP, "open" has one
// for everything.

// icmp is a message of each type, with the mark in it.
func (w wire) icmp(code uint8, v4, v6 []uint8) (frames [][]byte) {
	body := slices.Concat([]byte{0, 1, 0, 1}, w.mark, make([]byte, 16)) // after the checksum; echo and its like have an identifier there
	for _, typ := range v4 {
		ls := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(typ, code), Id: 1, Seq: 1}
		frames = append(frames, w.in4(w.ip4(layers.IPProtocolICMPv4), ls, payload(body[4:])))
	}
	for _, typ := range v6 {
		h := w.ip6(layers.IPProtocolICMPv6)
		h.HopLimit = 255
		frames = append(frames, w.in6(h, &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(typ, code)}, payload(body)))
	}
	return frames
}

var icmpAttacks = []attack{{
	name: "messages that begin a connection", seen: "open out",
	frames: func(w wire) [][]byte { return w.icmp(0, []uint8{8, 13, 15}, []uint8{128}) },
}, {
	name: "messages without a connection", seen: "open out", // each judged for itself, also those that only the kernel tracks
	frames: func(w wire) [][]byte {
		return w.icmp(0, []uint8{1, 10, 17, 18, 30, 37, 40, 42, 43, 128, 255}, []uint8{130, 131, 132, 138, 139, 140, 141, 143, 155, 160, 161, 200, 255})
	},
}, {
	name: "messages without a connection, with a code", seen: "open out",
	frames: func(w wire) [][]byte { return w.icmp(1, []uint8{10, 17, 42, 255}, []uint8{130, 139, 160, 255}) },
}, {
	name:   "answers that nothing asked for",
	frames: func(w wire) [][]byte { return w.icmp(0, []uint8{0, 14, 16}, []uint8{129}) },
}, {
	name:   "requests with a code",
	frames: func(w wire) [][]byte { return w.icmp(1, []uint8{8, 13, 15, 0, 14, 16}, []uint8{128, 129}) },
}, {
	name: "errors without what they are about",
	frames: func(w wire) [][]byte {
		return w.icmp(0, []uint8{3, 4, 5, 11, 12}, []uint8{0, 1, 2, 3, 4, 5, 99, 100, 127, 137})
	},
}, {
	name:   "router advertisements of ICMP", // RFC 1256
	frames: func(w wire) [][]byte { return append(w.icmp(0, []uint8{9}, nil), w.icmp(16, []uint8{9}, nil)...) },
}, {
	name: "messages without a connection, from another's address",
	frames: func(w wire) [][]byte {
		w.src4, w.src6 = ip("10.0.0.12"), ip("fd00::12")
		return w.icmp(0, []uint8{10, 17, 30}, []uint8{130, 139, 143})
	},
}, {
	name: "multicast listener reports", seen: "open out", group: true, // RFC 3810
	frames: func(w wire) [][]byte {
		w = w.toGroup(ip("ff02::16"))
		w.src6 = linkLocal(w.srcMAC)
		var frames [][]byte
		for _, f := range w.icmp(0, nil, []uint8{131, 132, 143}) {
			f[14+7] = 1                                                                 // hop limit
			frames = append(frames, between(f, extHop, []byte{0, 0, 5, 2, 0, 0, 1, 0})) // router alert
		}
		return frames
	},
}}
