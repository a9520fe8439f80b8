package unixctl

import (
	"encoding/binary"
	"errors"
)

const (
	icmpv6EchoRequest = 128 // RFC 4443 §4.1
	icmpv6EchoReply   = 129 // RFC 4443 §4.2
)

// EchoEraser returns an Ethernet frame that deletes an ICMPv6 echo connection
// from the userspace datapath where FlushConntrack must not: sent by an
// OpenFlow packet-out with no other action than
//
//	ct(commit,force,zone=<the connection's zone>)
//
// it goes nowhere. The frame is the connection's echo reply; force removes a
// connection that it meets in the wrong direction, and a reply begins no new
// one (lib/conntrack.c, process_one(); conntrack-icmp.c, icmp6_valid_new()).
func EchoEraser(c Conn) ([]byte, error) {
	t := c.Orig
	if c.Proto != protoICMPv6 || t.ICMPType != icmpv6EchoRequest || !t.Src.Is6() || !t.Dst.Is6() {
		return nil, errors.New("unixctl: not an ICMPv6 echo connection")
	}
	const ethLen, ip6Len, icmpLen = 14, 40, 8
	f := make([]byte, ethLen+ip6Len+icmpLen)
	// Locally administered addresses: nobody ever sees them.
	copy(f, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd})
	ip := f[ethLen:]
	ip[0] = 6 << 4
	binary.BigEndian.PutUint16(ip[4:], icmpLen)
	ip[6], ip[7] = protoICMPv6, 64
	src, dst := t.Dst.As16(), t.Src.As16()
	copy(ip[8:], src[:])
	copy(ip[24:], dst[:])
	icmp := ip[ip6Len:]
	icmp[0], icmp[1] = icmpv6EchoReply, t.ICMPCode
	binary.BigEndian.PutUint16(icmp[4:], t.ICMPID)
	binary.BigEndian.PutUint16(icmp[2:], checksum6(ip[8:ip6Len], icmp))
	return f, nil
}

// checksum6 is the checksum of an ICMPv6 message, whose own field is 0, with
// the pseudo-header of RFC 8200 §8.1; addrs are both addresses.
func checksum6(addrs, msg []byte) uint16 {
	sum := uint32(len(msg)) + protoICMPv6
	for _, b := range [][]byte{addrs, msg} {
		for ; len(b) > 1; b = b[2:] {
			sum += uint32(binary.BigEndian.Uint16(b))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
