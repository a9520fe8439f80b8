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
