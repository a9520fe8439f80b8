package desk

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/openflow"
)

// sent is a frame from a1 to a2, as another implementation writes it.
func sent(tb testing.TB, ip interface {
	gopacket.NetworkLayer
	gopacket.SerializableLayer
}, transport ...gopacket.SerializableLayer) []byte {
	tb.Helper()
	src, dst := nic(1).MAC, nic(2).MAC
	eth := &layers.Ethernet{SrcMAC: src[:], DstMAC: dst[:], EthernetType: layers.EthernetTypeIPv4}
	if _, v6 := ip.(*layers.IPv6); v6 {
		eth.EthernetType = layers.EthernetTypeIPv6
	}
	for _, l := range transport {
		if needs, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := needs.SetNetworkLayerForChecksum(ip); err != nil {
				tb.Fatal(err)
			}
		}
	}
	buf := gopacket.NewSerializeBuffer()
	all := append([]gopacket.SerializableLayer{eth, ip}, transport...)
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

func ipv4(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: net.IP(address4(1).AsSlice()), DstIP: net.IP(address4(2).AsSlice())}
}

func ping6(tb testing.TB) []byte {
	tb.Helper()
	return sent(tb, &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolICMPv6, SrcIP: net.IP(address6(1).AsSlice()), DstIP: net.IP(address6(2).AsSlice())},
		&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}, &layers.ICMPv6Echo{Identifier: 77, SeqNumber: 1})
}

func FuzzDissect(f *testing.F) {
	f.Add(sent(f, ipv4(layers.IPProtocolTCP), &layers.TCP{SrcPort: 40000, DstPort: 80, SYN: true, Seq: 1, Window: 1000}))
	f.Add(sent(f, ipv4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 40000, DstPort: 53}))
	f.Add(ping6(f))
	f.Add([]byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x81\x00\x00\x05\x86\xdd\x60\x00\x00\x00\x00\x10\x00\x40" +
		strings.Repeat("\x00", 32) + "\x2c\x00\x01\x04\x00\x00\x00\x00\x06\x00\x00\x01\x00\x00\x00\x05\x01\x02\x03\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := dissect(b)
		if v6 := d.Packet.Src.IsValid() && d.Packet.Src.Is6(); v6 != (d.EtherType == openflow.EthTypeIPv6 && d.Packet.Src.IsValid()) {
			t.Errorf("%x is read as %+v", b, d)
		}
	})
}

func TestDissect(t *testing.T) {
	t.Parallel()
	tagged := slices.Concat([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 5, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 28, 0, 64}, make([]byte, 32),
		[]byte{44, 0, 1, 4, 0, 0, 0, 0}, []byte{6, 0, 0, 1, 0, 0, 0, 5}, []byte{1, 2, 3, 4})
	if f := dissect(tagged); f.VLAN != 5 || !f.Fragment || f.Packet.Proto != 6 || f.Packet.SrcPort != 0x102 || f.Packet.DstPort != 0x304 || f.SrcMAC != "02:00:00:00:00:02" {
		t.Errorf("a tagged fragment with options: %+v", f)
	}
	if f := dissect(ping6(t)); f.Packet.ICMPType != 128 || f.Packet.Src != address6(1) || f.Fragment {
		t.Errorf("an echo request: %+v", f)
	}
}
