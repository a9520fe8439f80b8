package ofrules_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/secgroup"
)

// live is a host whose bridge really forwards, in the userspace datapath with
// its connection tracker: frames are put into ports and taken from files.
type live struct {
	*ovstest.OVS
	*fabricHost
	dir    string
	fences uint16
}

func startLive(t *testing.T, s *secgroup.Snapshot) *live {
	t.Helper()
	f := newFabric(s, 1)
	l := &live{OVS: ovstest.Start(t, ovstest.Options{}), fabricHost: f.hosts[0], dir: t.TempDir()}
	l.AddBridge("br")
	for _, p := range l.Ports {
		l.AddPort("br", fmt.Sprint("p", p.OFPort), p.OFPort, "", "options:tx_pcap="+l.capture(p.OFPort))
	}
	conn, err := ofconn.Dial(t.Context(), l.MgmtSock("br"), ofconn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var mods []wire.FlowMod
	for _, flow := range l.compiler.Flows() {
		mods = append(mods, wire.AddFlow(flow))
	}
	if err := conn.Bundle(t.Context(), mods); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *live) capture(port uint32) string {
	return filepath.Join(l.dir, fmt.Sprint("p", port, ".pcap"))
}

// batch is how many frames fit into the queue of a dummy port, with room.
const batch = 50

// send puts frames on the wire of one NIC and returns those that another gets.
func (l *live) send(t *testing.T, from, to *secgroup.NIC, frames ...[]byte) [][]byte {
	t.Helper()
	if len(frames) > batch {
		return append(l.send(t, from, to, frames[:batch]...), l.send(t, from, to, frames[batch:]...)...)
	}
	before := len(l.received(t, to))
	args := []string{"netdev-dummy/receive", fmt.Sprint("p", l.Ports[from.ID].OFPort)}
	for _, f := range append(slices.Clip(frames), l.fence(from, to)) {
		args = append(args, hex.EncodeToString(f))
	}
	l.Appctl(args...)
	for deadline := time.Now().Add(2 * time.Minute); ; {
		got := l.received(t, to)
		if n := len(got); n > before && bytes.Equal(got[n-1], l.lastFence(from, to)) {
			return got[before : n-1]
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not even get an ARP request from %s", to.ID, from.ID)
		}
		time.Sleep(time.Millisecond)
	}
}

// received reads all frames that a NIC got so far.
func (l *live) received(t *testing.T, n *secgroup.NIC) (frames [][]byte) {
	t.Helper()
	b, err := os.ReadFile(l.capture(l.Ports[n.ID].OFPort))
	if err != nil {
		t.Fatal(err)
	}
	r, err := pcapgo.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, _, err := r.ReadPacketData()
		if err != nil { // the end, or a frame being written
			return frames
		}
		frames = append(frames, data)
	}
}

// fence is an ARP request, which passes whatever the rules say and after all
// frames before it; no two are alike.
func (l *live) fence(from, to *secgroup.NIC) []byte {
	l.fences++
	return l.lastFence(from, to)
}

func (l *live) lastFence(from, to *secgroup.NIC) []byte {
	return serialize(
		&layers.Ethernet{SrcMAC: from.MAC[:], DstMAC: to.MAC[:], EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: layers.ARPRequest, SourceHwAddress: from.MAC[:], DstHwAddress: make([]byte, 6),
			SourceProtAddress: from.Addresses[0].AsSlice(), DstProtAddress: []byte{192, 0, byte(l.fences >> 8), byte(l.fences)},
		})
}

// serialize makes a frame of layers; a mistake in one shows as a frame that no
// test expects.
func serialize(all ...gopacket.SerializableLayer) []byte {
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...); err != nil {
		panic(err)
	}
	return bytes.Clone(buf.Bytes())
}
