package wire

import (
	"errors"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/packet"
)

// FromConn writes a connection in the zone of a NIC.
func FromConn(nic string, c impact.Conn) *Connection {
	p := c.Packet
	return &Connection{
		Nic: nic, Src: p.Src.AsSlice(), Dst: p.Dst.AsSlice(), Protocol: uint32(p.Proto), SrcPort: uint32(p.SrcPort), DstPort: uint32(p.DstPort),
		IcmpType: uint32(p.ICMPType), IcmpCode: uint32(p.ICMPCode), Both: c.Both, EitherWay: c.EitherWay, Sent: c.Sent,
	}
}

// Conn is the inverse of FromConn.
func (c *Connection) Conn() (out impact.Conn, err error) {
	out = impact.Conn{Both: c.GetBoth(), EitherWay: c.GetEitherWay(), Sent: c.GetSent()}
	p := &out.Packet
	if p.Src, err = address("src", c.GetSrc()); err != nil {
		return out, err
	}
	if p.Dst, err = address("dst", c.GetDst()); err != nil {
		return out, err
	}
	if p.Src.Is4() != p.Dst.Is4() {
		return out, errors.New("src and dst: of two families")
	}
	if c.GetProtocol() > 0xff || c.GetIcmpType() > 0xff || c.GetIcmpCode() > 0xff || c.GetSrcPort() > 0xffff || c.GetDstPort() > 0xffff {
		return out, errors.New("protocol, ports, icmp_type or icmp_code: out of range")
	}
	*p = packet.Tuple{
		Src: p.Src, Dst: p.Dst, Proto: uint8(c.GetProtocol()), SrcPort: uint16(c.GetSrcPort()), DstPort: uint16(c.GetDstPort()),
		ICMPType: uint8(c.GetIcmpType()), ICMPCode: uint8(c.GetIcmpCode()),
	}
	return out, nil
}
