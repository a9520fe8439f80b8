package traffic

import (
	"net"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// datagrams is a packet socket that tells which of the machine's addresses a
// packet was for, so that the answer can come from there (IP_PKTINFO of ip(7),
// IPV6_RECVPKTINFO of ipv6(7)).
type datagrams interface {
	// read reads a payload; reply sends one back. What cannot be sent is lost
	// like a packet.
	read(buf []byte) (n int, reply func([]byte), err error)
}

func receiveInfo(c net.PacketConn, family int) (datagrams, error) {
	if family == 4 {
		p := ipv4.NewPacketConn(c)
		return datagrams4{p}, p.SetControlMessage(ipv4.FlagDst, true)
	}
	p := ipv6.NewPacketConn(c)
	return datagrams6{p}, p.SetControlMessage(ipv6.FlagDst, true)
}

type datagrams4 struct{ *ipv4.PacketConn }

func (d datagrams4) read(buf []byte) (int, func([]byte), error) {
	n, info, from, err := d.ReadFrom(buf)
	return n, func(b []byte) {
		_, _ = d.WriteTo(b, &ipv4.ControlMessage{Src: info.Dst}, from)
	}, err
}

type datagrams6 struct{ *ipv6.PacketConn }

func (d datagrams6) read(buf []byte) (int, func([]byte), error) {
	n, info, from, err := d.ReadFrom(buf)
	return n, func(b []byte) {
		_, _ = d.WriteTo(b, &ipv6.ControlMessage{Src: info.Dst}, from)
	}, err
}
