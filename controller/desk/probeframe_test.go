package desk

import (
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/packet"
)

// The frames are what a machine sends: another implementation reads them, with
// their checksums.
func TestProbeFrames(t *testing.T) {
	t.Parallel()
	for _, v6 := range []bool{false, true} {
		for _, proto := range []uint8{openflow.ProtoTCP, openflow.ProtoUDP, openflow.ProtoICMP, openflow.ProtoICMPv6, 47} {
			if v6 && proto == openflow.ProtoICMP || !v6 && proto == openflow.ProtoICMPv6 {
				continue
			}
			src, dst := address4(1), address4(2)
			if v6 {
				src, dst = address6(1), address6(2)
			}
			f := frame{src: nic(1).MAC, dst: nic(2).MAC, packet: packet.Tuple{Src: src, Dst: dst, Proto: proto}}
			switch proto {
			case openflow.ProtoTCP, openflow.ProtoUDP:
				f.packet.SrcPort, f.packet.DstPort = 40000, 80
			case openflow.ProtoICMP:
				f.packet.ICMPType = 8
			case openflow.ProtoICMPv6:
				f.packet.ICMPType = 128
			}
			b, err := f.bytes([8]byte{1, 2, 3, 4, 5, 6, 7, 8})
			if err != nil {
				t.Fatal(err)
			}
			if got := dissect(b).Packet; got != f.packet {
				t.Errorf("read as %+v, want %+v", got, f.packet)
			}
			whole := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
			if err := whole.ErrorLayer(); err != nil && proto != 47 {
				t.Errorf("protocol %d: %v", proto, err.Error())
			}
			if l4, _ := f.transport([8]byte{1, 2, 3, 4, 5, 6, 7, 8}); string(transportOf(append(b, 0, 0, 0))) != string(l4) {
				t.Errorf("protocol %d: its transport is not found", proto)
			}
			for _, l := range whole.Layers() {
				if sums, is := l.(interface {
					SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
				}); is {
					_ = sums.SetNetworkLayerForChecksum(whole.NetworkLayer()) // what follows tells
				}
			}
			if err, bad := whole.VerifyChecksums(); err != nil || len(bad) > 0 {
				t.Errorf("protocol %d: checksums %v %v", proto, err, bad)
			}
		}
	}
	if _, err := (frame{packet: packet.Tuple{Src: address6(1), Dst: address6(2), Proto: openflow.ProtoICMPv6, ICMPType: 135}}).bytes([8]byte{}); err == nil {
		t.Error("a neighbour solicitation is sent")
	}
}
