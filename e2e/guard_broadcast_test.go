package e2e

import (
	"net"
	"slices"
)

// Frames for many, and frames whose MAC is not what it should be.

var broadcastAttacks = []attack{{
	name: "broadcast to a shut port", seen: "open out", group: true,
	frames: func(w wire) [][]byte { return w.broadcasts(99) },
}, {
	name: "broadcast to an open port", seen: "open shut out", group: true,
	frames: func(w wire) [][]byte { return w.broadcasts(53) },
}, {
	name: "broadcast from another's address", group: true,
	frames: func(w wire) [][]byte {
		w.src4, w.src6 = ip("10.0.0.12"), ip("fd00::12")
		return w.broadcasts(53)
	},
}, {
	name: "a shut machine's addresses under a group MAC", seen: "open out", group: true,
	frames: func(w wire) (frames [][]byte) {
		w.dst4, w.dst6 = ip("10.0.0.31"), ip("fd00::31")
		for _, m := range []string{"ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:1f", "33:33:00:00:00:31", "03:00:00:00:00:01"} {
			w.dstMAC = mac(m)
			frames = append(frames, w.udp(99)...)
		}
		return frames
	},
}, {
	name: "a shut machine's addresses under another's MAC", seen: "open out",
	frames: func(w wire) [][]byte {
		w.dst4, w.dst6 = ip("10.0.0.31"), ip("fd00::31")
		return w.udp(99)
	},
}, {
	name: "a shut machine's addresses under an unknown MAC", seen: "out", group: true,
	frames: func(w wire) [][]byte {
		w.dst4, w.dst6, w.dstMAC = ip("10.0.0.31"), ip("fd00::31"), mac("02:ff:00:00:00:02")
		return w.udp(99)
	},
}, {
	name: "its own MAC as destination", group: true,
	frames: func(w wire) [][]byte {
		w.dst4, w.dst6, w.dstMAC = ip("10.0.0.31"), ip("fd00::31"), w.srcMAC
		return w.udp(53)
	},
}, {
	name: "the MAC of no one", seen: "out", group: true,
	frames: func(w wire) [][]byte {
		w.dst4, w.dst6, w.dstMAC = ip("10.0.0.31"), ip("fd00::31"), make([]byte, 6)
		return w.udp(99)
	},
}, {
	name: "another's addresses under a shut machine's MAC", seen: "open out",
	frames: func(w wire) [][]byte {
		w.dst4, w.dst6 = ip("10.0.0.21"), ip("fd00::21")
		return w.udp(99)
	},
}}

// broadcasts are datagrams to every group there is, in both families.
func (w wire) broadcasts(port uint16) (frames [][]byte) {
	for _, to := range []string{"255.255.255.255", "10.0.0.255", "224.0.0.1", "224.0.0.251", "239.1.2.3"} {
		w.dst4, w.dstMAC = ip(to), everyMAC()
		if w.dst4.IsMulticast() {
			w.dstMAC = slices.Concat(net.HardwareAddr{1, 0, 0x5e, w.dst4[13] & 0x7f}, net.HardwareAddr(w.dst4[14:]))
		}
		frames = append(frames, w.udp4(port))
	}
	for _, to := range []string{"ff02::1", "ff02::fb", "ff05::2", "ff0e::1"} {
		frames = append(frames, w.toGroup(ip(to)).udp6(port))
	}
	return frames
}
