package e2e

import (
	"net"
	"slices"

	"github.com/gopacket/gopacket/layers"
)

// What a VM says about who it is.

// all is every machine but the sender.
const all = "eve open shut out"

// from sends the usual datagrams, which "open" lets in from anyone, as someone
// else.
func from(change func(w *wire)) func(w wire) [][]byte {
	return func(w wire) [][]byte {
		change(&w)
		return w.udp(53)
	}
}

var spoofAttacks = []attack{{
	name: "its own MAC and addresses", seen: "open shut out",
	frames: func(w wire) [][]byte { return w.udp(53) },
}, {
	name: "its own addresses, to a shut port", seen: "open out",
	frames: func(w wire) [][]byte { return w.udp(99) },
}, {
	name:   "the MAC of another",
	frames: from(func(w *wire) { w.srcMAC = slices.Concat(w.srcMAC[:5], net.HardwareAddr{21}) }),
}, {
	name:   "the MAC of nobody",
	frames: from(func(w *wire) { w.srcMAC = mac("02:ff:00:00:00:01") }),
}, {
	name:   "a group MAC as its own",
	frames: from(func(w *wire) { w.srcMAC = everyMAC() }),
}, {
	name:   "the addresses of another NIC of its group", // member of what shut allows
	frames: from(func(w *wire) { w.src4, w.src6 = ip("10.0.0.12"), ip("fd00::12") }),
}, {
	name:   "addresses of nobody",
	frames: from(func(w *wire) { w.src4, w.src6 = ip("192.0.2.1"), ip("2001:db8::1") }),
}, {
	name:   "the target's own address", // "LAND"
	frames: from(func(w *wire) { w.src4, w.src6 = w.dst4, w.dst6 }),
}, {
	name:   "no address",
	frames: from(func(w *wire) { w.src4, w.src6 = net.IPv4zero, net.IPv6unspecified }),
}, {
	name:   "loopback",
	frames: from(func(w *wire) { w.src4, w.src6 = ip("127.0.0.1"), net.IPv6loopback }),
}, {
	name:   "a group as source",
	frames: from(func(w *wire) { w.src4, w.src6 = ip("224.0.0.1"), ip("ff02::1") }),
}, {
	name:   "the link-local address of another MAC",
	frames: func(w wire) [][]byte { w.src6 = linkLocal(w.dstMAC); return [][]byte{w.udp6(53)} },
}, {
	name: "its own link-local address", seen: "open out", // no member of its group
	frames: func(w wire) [][]byte { w.src6 = linkLocal(w.srcMAC); return [][]byte{w.udp6(53)} },
}, {
	name: "in its allowed addresses", seen: "open out", // a prefix makes no member
	frames: from(func(w *wire) { w.src4, w.src6 = ip("10.0.0.111"), ip("fd00:0:0:0:a::77") }),
}, {
	name:   "just outside its allowed addresses",
	frames: from(func(w *wire) { w.src4, w.src6 = ip("10.0.0.112"), ip("fd00:0:0:0:b::") }),
}, {
	name: "ARP for itself", seen: all, group: true,
	frames: func(w wire) [][]byte {
		w.dstMAC = everyMAC()
		return [][]byte{w.arp(1, w.srcMAC, w.src4, ip("10.0.0.99")), w.arp(2, w.srcMAC, w.src4, w.src4), w.arp(1, w.srcMAC, ip("10.0.0.96"), ip("10.0.0.99"))}
	},
}, {
	name: "ARP probe", seen: all, group: true, // RFC 5227
	frames: func(w wire) [][]byte {
		w.dstMAC = everyMAC()
		return [][]byte{w.arp(1, w.srcMAC, net.IPv4zero, w.src4), w.arp(1, w.srcMAC, net.IPv4zero, ip("10.0.0.111"))}
	},
}, {
	name: "ARP probe for another's address", group: true,
	frames: func(w wire) [][]byte {
		w.dstMAC = everyMAC()
		return [][]byte{w.arp(1, w.srcMAC, net.IPv4zero, ip("10.0.0.21")), w.arp(1, w.srcMAC, net.IPv4zero, ip("10.0.0.112")), w.arp(1, w.srcMAC, net.IPv4zero, net.IPv4zero)}
	},
}, {
	name: "ARP reply from no address",
	frames: func(w wire) [][]byte {
		return [][]byte{w.arp(2, w.srcMAC, net.IPv4zero, w.src4), w.arp(2, w.srcMAC, net.IPv4zero, ip("10.0.0.21")), w.arp(2, w.srcMAC, net.IPv4zero, w.dst4)}
	},
}, {
	name: "ARP of odd operations",
	frames: func(w wire) (frames [][]byte) {
		for _, op := range []uint16{0, 3, 4, 8, 9, 10, 23, 257, 512, 65535} {
			frames = append(frames, w.arp(op, w.srcMAC, w.src4, w.dst4), w.arp(op, w.srcMAC, net.IPv4zero, w.src4))
		}
		return frames
	},
}, {
	name: "ARP for another's address",
	frames: func(w wire) [][]byte {
		victim := ip("10.0.0.21")
		return [][]byte{w.arp(1, w.srcMAC, victim, w.dst4), w.arp(2, w.srcMAC, victim, w.dst4), w.arp(2, w.srcMAC, ip("10.0.0.1"), w.dst4)}
	},
}, {
	name: "ARP to everyone for another's address", group: true,
	frames: func(w wire) [][]byte {
		w.dstMAC = everyMAC()
		return [][]byte{w.arp(2, w.srcMAC, ip("10.0.0.21"), ip("10.0.0.21"))}
	},
}, {
	name:   "ARP with another's MAC inside",
	frames: func(w wire) [][]byte { return [][]byte{w.arp(2, mac("02:ff:00:00:00:01"), w.src4, w.dst4)} },
}, {
	name: "ARP of another hardware or protocol",
	frames: func(w wire) [][]byte {
		token, appletalk := w.arp(2, w.srcMAC, w.src4, w.dst4), w.arp(2, w.srcMAC, w.src4, w.dst4)
		token[15], appletalk[16], appletalk[17] = 6, 0x80, 0x9b
		return [][]byte{token, appletalk}
	},
}, {
	name: "RARP",
	frames: func(w wire) [][]byte {
		f := w.arp(3, w.srcMAC, w.src4, w.dst4)
		f[12], f[13] = 0x80, 0x35
		return [][]byte{f}
	},
}, {
	name: "neighbour advertisement for itself", seen: "eve open shut out",
	frames: func(w wire) [][]byte {
		plain := w.icmp6(255, 136, neighbour(0x60, w.src6, ndOption(2, w.srcMAC)))
		bare := w.icmp6(255, 136, neighbour(0x60, w.src6))
		allowed := w.icmp6(255, 136, neighbour(0x60, ip("fd00:0:0:0:a::1"), ndOption(2, w.srcMAC)))
		return [][]byte{plain, bare, allowed}
	},
}, {
	name: "neighbour advertisement for another",
	frames: func(w wire) [][]byte {
		return [][]byte{w.icmp6(255, 136, neighbour(0x60, ip("fd00::21"), ndOption(2, w.srcMAC))), w.icmp6(255, 136, neighbour(0x20, ip("fd00::1")))}
	},
}, {
	name: "neighbour advertisement to everyone for another", group: true,
	frames: func(w wire) [][]byte {
		return [][]byte{w.toGroup(ip("ff02::1")).icmp6(255, 136, neighbour(0x20, ip("fd00::21"), ndOption(2, w.srcMAC)))}
	},
}, {
	name: "neighbour advertisement with another's MAC",
	frames: func(w wire) [][]byte {
		other := mac("02:ff:00:00:00:01")
		twice := w.icmp6(255, 136, neighbour(0x60, w.src6, ndOption(2, w.srcMAC), ndOption(2, other)))
		return [][]byte{w.icmp6(255, 136, neighbour(0x60, w.src6, ndOption(2, other))), twice}
	},
}, {
	name: "neighbour advertisement from another's address",
	frames: func(w wire) [][]byte {
		h := w
		h.src6 = ip("fd00::21")
		return [][]byte{h.icmp6(255, 136, neighbour(0x60, w.src6, ndOption(2, w.srcMAC)))}
	},
}, {
	name: "neighbour discovery that was routed", // RFC 4861, section 7.1
	frames: func(w wire) [][]byte {
		return [][]byte{w.icmp6(64, 136, neighbour(0x60, w.src6, ndOption(2, w.srcMAC))), w.icmp6(64, 135, neighbour(0, w.dst6, ndOption(1, w.srcMAC)))}
	},
}, {
	name: "neighbour solicitation", seen: "eve open shut out",
	frames: func(w wire) [][]byte {
		return [][]byte{w.icmp6(255, 135, neighbour(0, w.dst6, ndOption(1, w.srcMAC))), w.icmp6(255, 135, neighbour(0, w.dst6))}
	},
}, {
	name: "neighbour solicitation to everyone", seen: all, group: true,
	frames: func(w wire) [][]byte {
		return [][]byte{w.toGroup(ip("ff02::1:ff00:63")).icmp6(255, 135, neighbour(0, ip("fd00::63"), ndOption(1, w.srcMAC)))}
	},
}, {
	name: "neighbour solicitation with another's MAC",
	frames: func(w wire) [][]byte {
		other := mac("02:ff:00:00:00:01")
		return [][]byte{
			w.icmp6(255, 135, neighbour(0, w.dst6, ndOption(1, other))),
			w.icmp6(255, 135, neighbour(0, w.dst6, ndOption(1, w.srcMAC), ndOption(1, other))),
		}
	},
}, {
	name: "duplicate address detection of its own", seen: all, group: true,
	frames: func(w wire) [][]byte {
		own := w.src6
		w = w.toGroup(ip("ff02::1:ff00:11"))
		w.src6 = net.IPv6unspecified
		return [][]byte{w.icmp6(255, 135, neighbour(0, own))}
	},
}, {
	name: "duplicate address detection of another's", group: true,
	frames: func(w wire) [][]byte {
		w = w.toGroup(ip("ff02::1:ff00:21"))
		w.src6 = net.IPv6unspecified
		return [][]byte{w.icmp6(255, 135, neighbour(0, ip("fd00::21")))}
	},
}, {
	name: "router solicitation", seen: "out", group: true,
	frames: func(w wire) [][]byte {
		w = w.toGroup(ip("ff02::2"))
		w.src6 = linkLocal(w.srcMAC)
		return [][]byte{w.markedICMP6(255, 133, slices.Concat(make([]byte, 4), ndOption(1, w.srcMAC), w.nonce()))}
	},
}, {
	name: "router solicitation from another's address", group: true,
	frames: func(w wire) [][]byte {
		w = w.toGroup(ip("ff02::2"))
		w.src6 = linkLocal(mac("02:ff:00:00:00:01"))
		return [][]byte{w.markedICMP6(255, 133, slices.Concat(make([]byte, 4), ndOption(1, w.srcMAC), w.nonce()))}
	},
}, {
	name: "router advertisement", group: true,
	frames: func(w wire) [][]byte {
		w = w.toGroup(ip("ff02::1"))
		w.src6 = linkLocal(w.srcMAC)
		advert := []byte{64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0}
		plain := w.icmp6(255, 134, advert)
		// RFC 7113: extension headers do not hide it.
		return [][]byte{plain, behind(plain, layers.IPProtocolIPv6Destination), behind(plain, layers.IPProtocolIPv6HopByHop)}
	},
}, {
	name: "redirects",
	frames: func(w wire) [][]byte {
		quote := w.udp4(53)[14:]
		v4 := w.in4(w.ip4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(5, 1)}, payload(quote))
		v6 := w.icmp6(255, 137, slices.Concat(make([]byte, 4), w.src6, w.dst6))
		return [][]byte{v4, v6, behind(v6, layers.IPProtocolIPv6Destination)}
	},
}, {
	name: "DHCP client", seen: "open out", group: true,
	frames: func(w wire) [][]byte {
		own6 := linkLocal(w.srcMAC)
		w.dstMAC, w.dst4, w.src4 = everyMAC(), net.IPv4bcast.To4(), net.IPv4zero
		discover := w.in4(w.ip4(layers.IPProtocolUDP), udp(68, 67), w.payload())
		w = w.toGroup(ip("ff02::1:2"))
		w.src6 = own6
		return [][]byte{discover, w.in6(w.ip6(layers.IPProtocolUDP), udp(546, 547), w.payload())}
	},
}, {
	name: "DHCP client with another's address",
	frames: func(w wire) [][]byte {
		w.src4, w.src6 = ip("10.0.0.12"), linkLocal(mac("02:ff:00:00:00:01"))
		return [][]byte{
			w.in4(w.ip4(layers.IPProtocolUDP), udp(68, 67), w.payload()), w.in6(w.ip6(layers.IPProtocolUDP), udp(546, 547), w.payload()),
			w.toGroup(ip("ff02::1:2")).in6(w.ip6(layers.IPProtocolUDP), udp(546, 547), w.payload()),
		}
	},
}, {
	name: "DHCP server",
	frames: func(w wire) [][]byte {
		return [][]byte{
			w.in4(w.ip4(layers.IPProtocolUDP), udp(67, 68), w.payload()),
			w.in4(w.ip4(layers.IPProtocolUDP), udp(w.port(), 68), w.payload()),
			w.in6(w.ip6(layers.IPProtocolUDP), udp(547, 546), w.payload()),
		}
	},
}, {
	name: "DHCP server to everyone", group: true,
	frames: func(w wire) [][]byte {
		w.dstMAC, w.dst4 = everyMAC(), net.IPv4bcast.To4()
		return [][]byte{w.in4(w.ip4(layers.IPProtocolUDP), udp(67, 68), w.payload())}
	},
}}
