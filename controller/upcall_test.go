package controller

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// TestSpoofedFramesMakeFewMegaflows: what a VM makes up of source MACs and VLAN
// tags is dropped by megaflows for some hundreds of which it cannot make more,
// however many frames it sends; each is an upcall that holds up others.
func TestSpoofedFramesMakeFewMegaflows(t *testing.T) {
	r, p := newRig(t), small.New()
	rev := r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1")))...)
	r.start()
	r.plugged(1, 2)
	r.applied(rev)
	gen := rand.New(rand.NewPCG(1, 1))
	const frames = 1500
	own, to := small.NIC(1).MAC, small.NIC(2).MAC
	for _, c := range []struct {
		name string
		make func(n int, mac net.HardwareAddr) (vlan uint16)
		most int
	}{
		{"random MACs", func(_ int, mac net.HardwareAddr) uint16 {
			for i := range mac {
				mac[i] = byte(gen.UintN(256))
			}
			mac[0] &^= 1
			return 0
		}, 300},
		{"MACs that end otherwise than its own", func(n int, mac net.HardwareAddr) uint16 {
			mac[4], mac[5] = byte(n>>8), byte(n)
			return 0
		}, 600},
		{"VLAN tags, with random MACs", func(n int, mac net.HardwareAddr) uint16 {
			mac[3], mac[5] = byte(gen.UintN(256)), byte(gen.UintN(256))
			return uint16(1 + n)
		}, 10},
	} {
		if err := r.ctl.PurgeMegaflows(t.Context()); err != nil {
			t.Fatal(err)
		}
		taken := r.received("p1")
		for n := range frames {
			mac := net.HardwareAddr(append([]byte{}, own[:]...))
			vlan := c.make(n, mac)
			eth := &layers.Ethernet{SrcMAC: mac, DstMAC: to[:], EthernetType: 0x88b5}
			frame := []gopacket.SerializableLayer{eth}
			if vlan != 0 {
				eth.EthernetType = layers.EthernetTypeDot1Q
				frame = append(frame, &layers.Dot1Q{VLANIdentifier: vlan, Type: 0x88b5})
			}
			b := gopacket.NewSerializeBuffer()
			if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{}, append(frame, gopacket.Payload(make([]byte, 46)))...); err != nil {
				t.Fatal(err)
			}
			r.inject("p1", fmt.Sprintf("%x", b.Bytes()))
		}
		r.mostTaken("p1", taken, frames)
		flows, err := r.ctl.Call(t.Context(), "dpctl/dump-flows", unixctl.DatapathName("dummy"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(flows, "in_port("); got > c.most {
			t.Errorf("%s: %d frames made %d megaflows, more than %d", c.name, frames, got, c.most)
		} else {
			t.Logf("%s: %d frames made %d megaflows", c.name, frames, got)
		}
	}
}

// TestManyDestinationsMakeFewMegaflows: a VM that sends from its own address to a
// thousand others, on a thousand ports, has a megaflow for what tells them apart to
// its rules, and not for each.
func TestManyDestinationsMakeFewMegaflows(t *testing.T) {
	r, p := newRig(t), small.New()
	r.withUplink()
	rev := r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.Attach("web", "a1")))...)
	r.start()
	r.plugged(1)
	r.applied(rev)
	gen := rand.New(rand.NewPCG(1, 2))
	own, gateway := small.NIC(1).MAC, net.HardwareAddr{2, 0xff, 0, 0, 0, 1}
	const packets, most = 1000, 100
	for _, v6 := range []bool{false, true} {
		if err := r.ctl.PurgeMegaflows(t.Context()); err != nil {
			t.Fatal(err)
		}
		out := r.sent("up")
		for range packets {
			udp := &layers.UDP{SrcPort: layers.UDPPort(1024 + gen.UintN(60000)), DstPort: layers.UDPPort(1024 + gen.UintN(60000))}
			eth := &layers.Ethernet{SrcMAC: own[:], DstMAC: gateway, EthernetType: layers.EthernetTypeIPv4}
			to := make(net.IP, 16)
			for i := range to {
				to[i] = byte(gen.UintN(256))
			}
			to[0] = 0x20 | to[0]&0x1f // neither multicast nor link-local, of either family
			var ip interface {
				gopacket.NetworkLayer
				gopacket.SerializableLayer
			} = &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: small.Address4(1).AsSlice(), DstIP: to[:4]}
			if v6 {
				eth.EthernetType = layers.EthernetTypeIPv6
				ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP, SrcIP: small.Address6(1).AsSlice(), DstIP: to}
			}
			if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
				t.Fatal(err)
			}
			b := gopacket.NewSerializeBuffer()
			if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, udp, gopacket.Payload("data")); err != nil {
				t.Fatal(err)
			}
			r.inject("p1", fmt.Sprintf("%x", b.Bytes()))
		}
		r.eventually(patience, "most of it leaves", func() string {
			if sent := r.sent("up") - out; sent < packets/2 { // a dummy interface loses what a busy switch is slow to take
				return fmt.Sprint(sent, " packets did")
			}
			return ""
		})
		flows, err := r.ctl.Call(t.Context(), "dpctl/dump-flows", unixctl.DatapathName("dummy"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(flows, "in_port("); got > most {
			t.Errorf("IPv6 %t: %d destinations made %d megaflows, more than %d", v6, packets, got, most)
		} else {
			t.Logf("IPv6 %t: %d destinations made %d megaflows", v6, packets, got)
		}
	}
}

// TestMadeUpNeighboursMakeFewMegaflows: nor does a VM that sends as itself to MACs
// that nobody has, asks by ARP for whomever, or in the name of others.
func TestMadeUpNeighboursMakeFewMegaflows(t *testing.T) {
	r, p := newRig(t), small.New()
	r.withUplink()
	rev := r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1")))...)
	r.start()
	r.plugged(1, 2)
	r.applied(rev)
	gen := rand.New(rand.NewPCG(1, 3))
	some := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(gen.UintN(256))
		}
		return b
	}
	own, ownIP := small.NIC(1).MAC, small.Address4(1).AsSlice()
	const frames = 1200 // which of them share a megaflow depends on how the switch hashes, by a number that it draws when it starts: 255 to 345 were seen
	arp := func(op uint16, mac, sender, target []byte) []gopacket.SerializableLayer {
		return []gopacket.SerializableLayer{
			&layers.Ethernet{SrcMAC: own[:], DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeARP},
			&layers.ARP{
				AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: op,
				SourceHwAddress: mac, SourceProtAddress: sender, DstHwAddress: make([]byte, 6), DstProtAddress: target,
			},
			gopacket.Payload(make([]byte, 18)),
		}
	}
	datagramTo := func(mac []byte) []gopacket.SerializableLayer {
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: ownIP, DstIP: small.Address4(2).AsSlice()}
		udp := &layers.UDP{SrcPort: 2000, DstPort: 53}
		if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		return []gopacket.SerializableLayer{&layers.Ethernet{SrcMAC: own[:], DstMAC: mac, EthernetType: layers.EthernetTypeIPv4}, ip, udp, gopacket.Payload("data")}
	}
	solicit := func(target []byte) []gopacket.SerializableLayer {
		ip := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: small.Address6(1).AsSlice(), DstIP: net.ParseIP("ff02::1:ff00:1")}
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborSolicitation, 0)}
		if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		eth := &layers.Ethernet{SrcMAC: own[:], DstMAC: net.HardwareAddr{0x33, 0x33, 0xff, 0, 0, 1}, EthernetType: layers.EthernetTypeIPv6}
		body := slices.Concat(make([]byte, 4), target, []byte{1, 1}, own[:])
		return []gopacket.SerializableLayer{eth, ip, icmp, gopacket.Payload(body)}
	}
	for _, c := range []struct {
		name  string
		make  func(n int) []gopacket.SerializableLayer
		leave bool // by the uplink
		most  int
	}{
		// Those that leave come last: they may do so for a while after they were sent.
		{"senders of ARP", func(int) []gopacket.SerializableLayer { return arp(1, own[:], some(4), some(4)) }, false, 400},
		{"answers of ARP", func(int) []gopacket.SerializableLayer { return arp(2, own[:], some(4), some(4)) }, false, 400},
		{"MACs in ARP", func(int) []gopacket.SerializableLayer { return arp(1, some(6), ownIP, some(4)) }, false, 400},
		{"targets of ARP probes", func(int) []gopacket.SerializableLayer { return arp(1, own[:], make([]byte, 4), some(4)) }, false, 400},
		{"destination MACs", func(int) []gopacket.SerializableLayer {
			mac := some(6)
			mac[0] &^= 1
			return datagramTo(mac)
		}, true, 300},
		{"destination MACs that end otherwise than another's", func(n int) []gopacket.SerializableLayer {
			mac := small.NIC(2).MAC
			mac[3], mac[5] = byte(n>>8), byte(n)
			return datagramTo(mac[:])
		}, true, 400},
		{"targets of ARP", func(int) []gopacket.SerializableLayer { return arp(1, own[:], ownIP, some(4)) }, true, 10},
		{"targets of solicitations", func(int) []gopacket.SerializableLayer { return solicit(some(16)) }, true, 400},
	} {
		if err := r.ctl.PurgeMegaflows(t.Context()); err != nil {
			t.Fatal(err)
		}
		before, taken := r.sent("up"), r.received("p1")
		for n := range frames {
			b := gopacket.NewSerializeBuffer()
			if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, c.make(n)...); err != nil {
				t.Fatal(err)
			}
			r.inject("p1", fmt.Sprintf("%x", b.Bytes()))
		}
		r.mostTaken("p1", taken, frames)
		if c.leave {
			r.eventually(patience, "most of it leaves", func() string {
				if sent := r.sent("up") - before; sent < frames/2 { // a dummy interface loses what a busy switch is slow to take
					return fmt.Sprint(sent, " frames did")
				}
				return ""
			})
		} else if sent := r.sent("up") - before; sent > 5 { // one of a made-up kind may be right
			t.Errorf("%s: %d frames left", c.name, sent)
		}
		flows, err := r.ctl.Call(t.Context(), "dpctl/dump-flows", unixctl.DatapathName("dummy"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(flows, "in_port("); got > c.most {
			t.Errorf("%s: %d frames made %d megaflows, more than %d", c.name, frames, got, c.most)
		} else {
			t.Logf("%s: %d frames made %d megaflows", c.name, frames, got)
		}
	}
}

// mostTaken waits until the switch has taken most of the frames that were injected at an
// interface since it had taken so many. A dummy interface loses what a busy switch is
// slow to take.
func (r *rig) mostTaken(iface string, before uint64, frames int) {
	r.t.Helper()
	r.eventually(patience, "the switch takes most frames", func() string {
		if taken := r.received(iface) - before; taken < uint64(frames/2) {
			return fmt.Sprint(taken, " of ", frames)
		}
		return ""
	})
}
