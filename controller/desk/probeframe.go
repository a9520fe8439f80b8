package desk

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/ringfence/ringfence/openflow"
)

// probeTTL is the hop limit of the packet, the same as machines begin with.
const probeTTL = 64

// bytes encodes the frame as the source NIC would send it. The mark tells it from other
// packets of the same tuple: of TCP it is the sequence number, else it is in the payload.
func (f frame) bytes(mark [8]byte) ([]byte, error) {
	p := f.packet
	l4, err := f.transport(mark)
	if err != nil {
		return nil, err
	}
	eth := append(append(append([]byte{}, f.dst[:]...), f.src[:]...), 0, 0)
	if p.Src.Is4() {
		binary.BigEndian.PutUint16(eth[12:], openflow.EthTypeIPv4)
		ip := make([]byte, 20) // RFC 791 §3.1
		ip[0], ip[8], ip[9] = 0x45, probeTTL, p.Proto
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+len(l4)))
		copy(ip[4:6], mark[6:])
		ip[6] = 0x40 // do not fragment
		copy(ip[12:], p.Src.AsSlice())
		copy(ip[16:], p.Dst.AsSlice())
		binary.BigEndian.PutUint16(ip[10:], ^sum16(0, ip))
		return bytes.Join([][]byte{eth, ip, l4}, nil), nil
	}
	binary.BigEndian.PutUint16(eth[12:], openflow.EthTypeIPv6)
	ip := make([]byte, 8) // RFC 8200 §3
	ip[0], ip[6], ip[7] = 0x60, p.Proto, probeTTL
	binary.BigEndian.PutUint16(ip[4:], uint16(len(l4)))
	return bytes.Join([][]byte{eth, ip, p.Src.AsSlice(), p.Dst.AsSlice(), l4}, nil), nil
}

// transport encodes what follows the IP header, with its checksum.
func (f frame) transport(mark [8]byte) ([]byte, error) {
	p := f.packet
	var b []byte
	var at int // offset of the checksum
	switch v6 := p.Src.Is6(); {
	case p.Proto == openflow.ProtoTCP: // RFC 9293 §3.1: a SYN without options
		b, at = make([]byte, 20), 16
		copy(b[4:8], mark[:])
		b[12], b[13] = 5<<4, tcpSYN
		binary.BigEndian.PutUint16(b[14:], 64240)
	case p.Proto == openflow.ProtoUDP:
		b, at = append(make([]byte, 8), mark[:]...), 6
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	case p.Proto == openflow.ProtoICMPv6 && v6 && p.ICMPType >= openflow.ICMPv6RouterSolicit && p.ICMPType <= openflow.ICMPv6Redirect:
		return nil, errors.New("messages of Neighbor Discovery are not probed")
	case p.Proto == openflow.ProtoICMP && !v6, p.Proto == openflow.ProtoICMPv6 && v6: // RFC 792, RFC 4443
		b, at = append(make([]byte, 8), mark[:]...), 2
		b[0], b[1] = p.ICMPType, p.ICMPCode
		copy(b[4:6], mark[:])
	default:
		return append(make([]byte, 8), mark[:]...), nil
	}
	if p.Proto == openflow.ProtoTCP || p.Proto == openflow.ProtoUDP {
		binary.BigEndian.PutUint16(b, p.SrcPort)
		binary.BigEndian.PutUint16(b[2:], p.DstPort)
	}
	sum := uint16(0)
	if p.Proto != openflow.ProtoICMP { // the pseudo-header: RFC 9293 §3.1, RFC 8200 §8.1
		sum = sum16(sum, p.Src.AsSlice())
		sum = sum16(sum, p.Dst.AsSlice())
		sum = sum16(sum, []byte{0, p.Proto, byte(len(b) >> 8), byte(len(b))})
	}
	sum = ^sum16(sum, b)
	if sum == 0 && p.Proto == openflow.ProtoUDP {
		sum = 0xffff // RFC 768: 0 says that there is none
	}
	binary.BigEndian.PutUint16(b[at:], sum)
	return b, nil
}

// sum16 adds 16-bit words to a sum of such in one's complement (RFC 1071).
func sum16(start uint16, b []byte) uint16 {
	sum := uint32(start)
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// transportOf returns what follows the IP header of a frame, or nil if the frame has none, or
// has a VLAN tag or an extension header before it: the frames of bytes have neither.
func transportOf(b []byte) []byte {
	if len(b) < 34 {
		return nil
	}
	switch binary.BigEndian.Uint16(b[12:]) {
	case openflow.EthTypeIPv4:
		ip := b[14:]
		header, whole := int(ip[0]&15)*4, int(binary.BigEndian.Uint16(ip[2:]))
		if header >= 20 && header <= whole && whole <= len(ip) { // the rest is padding
			return ip[header:whole]
		}
	case openflow.EthTypeIPv6:
		if ip := b[14:]; len(ip) >= 40 && 40+int(binary.BigEndian.Uint16(ip[4:])) <= len(ip) {
			return ip[40 : 40+int(binary.BigEndian.Uint16(ip[4:]))]
		}
	}
	return nil
}
