package desk

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/packet"
)

// dissect reads a frame's headers, as far as there are some: a guest may have
// sent anything.
func dissect(b []byte) inquiry.Frame {
	var f inquiry.Frame
	if len(b) < 14 {
		return f
	}
	f.DstMAC, f.SrcMAC = net.HardwareAddr(b[:6]).String(), net.HardwareAddr(b[6:12]).String()
	f.EtherType, b = binary.BigEndian.Uint16(b[12:]), b[14:]
	for (f.EtherType == 0x8100 || f.EtherType == 0x88a8) && len(b) >= 4 {
		if f.VLAN == 0 { // the outer one
			f.VLAN = binary.BigEndian.Uint16(b) & 0xfff
		}
		f.EtherType, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	switch f.EtherType {
	case openflow.EthTypeARP: // RFC 826, for IPv4
		if len(b) >= 28 && b[4] == 6 && b[5] == 4 {
			f.Packet.Src, f.Packet.Dst = netip.AddrFrom4([4]byte(b[14:18])), netip.AddrFrom4([4]byte(b[24:28]))
		}
	case openflow.EthTypeIPv4:
		dissectIPv4(&f, b)
	case openflow.EthTypeIPv6:
		dissectIPv6(&f, b)
	}
	return f
}

// dissectIPv4: RFC 791 §3.1.
func dissectIPv4(f *inquiry.Frame, b []byte) {
	if len(b) < 20 {
		return
	}
	f.Packet.Proto, f.Packet.Src, f.Packet.Dst = b[9], netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	where := binary.BigEndian.Uint16(b[6:])
	f.Fragment = where&0x3fff != 0
	if header := int(b[0]&15) * 4; where&0x1fff == 0 && header >= 20 && len(b) >= header {
		dissectTransport(&f.Packet, b[header:])
	}
}

// dissectIPv6: RFC 8200 §3 and §4.
func dissectIPv6(f *inquiry.Frame, b []byte) {
	if len(b) < 40 {
		return
	}
	f.Packet.Proto, f.Packet.Src, f.Packet.Dst = b[6], netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	for b = b[40:]; ; {
		if !isExtension(f.Packet.Proto) {
			dissectTransport(&f.Packet, b)
			return
		}
		if len(b) < 8 {
			return
		}
		length := 8 + int(b[1])*8
		switch f.Packet.Proto {
		case 51:
			length = 8 + int(b[1])*4
		case 44:
			length, f.Fragment = 8, true
			if binary.BigEndian.Uint16(b[2:])&0xfff8 != 0 {
				f.Packet.Proto = b[0]
				return
			}
		}
		f.Packet.Proto, b = b[0], b[min(length, len(b)):]
	}
}

// isExtension tells hop-by-hop options, routing, fragment, destination options,
// and the authentication header (RFC 4302 §2), which counts its length in words.
func isExtension(next uint8) bool {
	return next == 0 || next == 43 || next == 44 || next == 60 || next == 51
}

func dissectTransport(p *packet.Tuple, b []byte) {
	switch {
	case len(b) < 4:
	case p.Proto == openflow.ProtoTCP, p.Proto == openflow.ProtoUDP:
		p.SrcPort, p.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	case p.Proto == openflow.ProtoICMP && p.Src.Is4(), p.Proto == openflow.ProtoICMPv6 && p.Src.Is6():
		p.ICMPType, p.ICMPCode = b[0], b[1]
	}
}
