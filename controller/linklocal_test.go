package controller

import (
	"encoding/hex"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// linkLocalFrames are a router solicitation and a DHCPv6 message from an address
// that is not made of the NIC's MAC: the two end in different tables.
func linkLocalFrames(t *testing.T, n int, from netip.Addr) (frames []string) {
	t.Helper()
	mac := small.NIC(n).MAC
	frame := func(dst string, next layers.IPProtocol, what ...gopacket.SerializableLayer) {
		to := net.ParseIP(dst)
		ip := &layers.IPv6{Version: 6, NextHeader: next, HopLimit: 255, SrcIP: from.AsSlice(), DstIP: to}
		for _, l := range what {
			if l, is := l.(interface {
				SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
			}); is {
				if err := l.SetNetworkLayerForChecksum(ip); err != nil {
					t.Fatal(err)
				}
			}
		}
		eth := &layers.Ethernet{SrcMAC: mac[:], DstMAC: net.HardwareAddr{0x33, 0x33, to[12], to[13], to[14], to[15]}, EthernetType: layers.EthernetTypeIPv6}
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, append([]gopacket.SerializableLayer{eth, ip}, what...)...); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, hex.EncodeToString(b.Bytes()))
	}
	frame("ff02::2", layers.IPProtocolICMPv6, &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(133, 0)}, gopacket.Payload(make([]byte, 4)))
	frame("ff02::1:2", layers.IPProtocolUDP, &layers.UDP{SrcPort: 546, DstPort: 547}, gopacket.Payload("solicit"))
	return frames
}

// What a guest sends from a link-local address that is not its NIC's is dropped,
// counted and told, also while somebody watches what is dropped, until the address
// is among the NIC's.
func TestLinkLocalsAreTold(t *testing.T) {
	r := newRig(t)
	r.timing.count = 200 * time.Millisecond
	r.guard(1, 2)
	told := func(what string, want uint64) {
		t.Helper()
		r.status(what, func(h store.HostStatus) bool {
			for _, n := range h.NICs {
				if dropped := map[string]uint64{"a1": want}[n.ID]; n.LinkLocalDropped != dropped {
					return false
				}
			}
			return len(h.NICs) == 2
		})
	}
	local := netip.MustParseAddr("fe80::7217:1")
	frames := linkLocalFrames(t, 1, local)
	for range 3 {
		for _, f := range frames {
			r.inject("p1", f)
		}
	}
	told("six are dropped", 6)
	r.drops(60, "a1", "a2") // flows that report stand above those that count
	for _, f := range frames {
		r.inject("p1", f)
	}
	told("two more, while drops are watched", 8)
	if sum := totals(r.drops(60, "a1", "a2")); sum["a1 egress spoofed"] != 2 || len(sum) != 1 {
		t.Errorf("the watch tells %v", sum)
	}
	with := small.NIC(1)
	with.Addresses = append(with.Addresses, local)
	with.Normalize()
	r.applied(r.write(secgroup.Put(with)))
	for _, f := range frames { // these pass
		r.inject("p1", f)
	}
	told("the address is the NIC's", 0)
}
