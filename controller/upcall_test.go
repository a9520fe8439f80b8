package controller

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// TestSpoofedFramesMakeFewMegaflows: what a VM makes up of source MACs and VLAN
// tags is dropped by megaflows for some hundreds of which it cannot make more,
// however many frames it sends; each is an upcall that holds up others.
func TestSpoofedFramesMakeFewMegaflows(t *testing.T) {
	r, p := newRig(t), newPolicy()
	rev := r.write(append(p.base(), secgroup.Put(nic(1)), secgroup.Put(nic(2)), secgroup.Put(attach("web", "a1")))...)
	r.start()
	r.plugged(1, 2)
	r.applied(rev)
	gen := rand.New(rand.NewPCG(1, 1))
	const frames = 1500
	own, to := nic(1).MAC, nic(2).MAC
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
	r, p := newRig(t), newPolicy()
	r.withUplink()
	rev := r.write(append(p.base(), secgroup.Put(nic(1)), secgroup.Put(attach("web", "a1")))...)
	r.start()
	r.plugged(1)
	r.applied(rev)
	gen := rand.New(rand.NewPCG(1, 2))
	own, gateway := nic(1).MAC, net.HardwareAddr{2, 0xff, 0, 0, 0, 1}
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
			} = &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: address4(1).AsSlice(), DstIP: to[:4]}
			if v6 {
				eth.EthernetType = layers.EthernetTypeIPv6
				ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP, SrcIP: address6(1).AsSlice(), DstIP: to}
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
