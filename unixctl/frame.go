package unixctl

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"

	"github.com/ringfence/ringfence/packet"
)

// Types of ICMPv6 messages.
const (
	icmpv6EchoRequest = 128 // RFC 4443 §4.1
	icmpv6EchoReply   = 129 // RFC 4443 §4.2
)

// Purpose is what a Frame is for.
type Purpose uint8

const (
	// Touch belongs to a connection and changes nothing of it: a TCP segment
	// whose flags make no sense (RFC 9293), so that conntrack finds the
	// connection, calls the packet invalid and leaves the connection's state.
	Touch Purpose = iota
	// TouchKernel is Touch for the kernel's conntrack, to which such flags belong
	// to no connection: a SYN, which it ignores in an established connection
	// (nf_conntrack_proto_tcp.c, TCP_CONNTRACK_IGNORE: "our connection entry may be
	// out of sync"), and which begins a closed one anew. One that is about to begin
	// may call it invalid.
	TouchKernel
	// Begin would begin the connection if there were none.
	Begin
)

// Frame returns an Ethernet frame as the end of a connection might send it that
// began it. With an OpenFlow packet-out it takes ct() actions to the connection,
// which then set its mark and label (lib/conntrack.c, process_one()); it is to go
// nowhere else. Of SCTP it is a HEARTBEAT with a verification tag that is not the
// connection's, of DCCP a Request, which the kernel ignores in open connections.
// Other protocols have no packets that change nothing: one more of them has come
// then.
func Frame(c Conn, p Purpose) ([]byte, error) {
	src, dst := c.Orig.Src, c.Orig.Dst
	if !src.IsValid() || !dst.IsValid() || src.Is4() != dst.Is4() {
		return nil, fmt.Errorf("unixctl: %v and %v are not the addresses of one connection", src, dst)
	}
	const ethLen = 14
	// Locally administered addresses: nobody ever sees them.
	f := append(make([]byte, 0, 96), 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2)
	payload := payloadOf(c, p)
	if src.Is4() {
		f = append(f, 0x08, 0x00, 0x45, 0)
		f = binary.BigEndian.AppendUint16(f, uint16(20+len(payload)))
		f = append(f, 0, 0, 0, 0, 64, c.Proto, 0, 0)
	} else {
		f = append(f, 0x86, 0xdd, 0x60, 0, 0, 0)
		f = binary.BigEndian.AppendUint16(f, uint16(len(payload)))
		f = append(f, c.Proto, 64)
	}
	f = append(append(f, src.AsSlice()...), dst.AsSlice()...)
	if src.Is4() {
		binary.BigEndian.PutUint16(f[ethLen+10:], ^sum(0, f[ethLen:]))
	}
	if c.Proto == protoSCTP {
		binary.LittleEndian.PutUint32(payload[8:], crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)))
	}
	if at, ok := checksumAt(c.Proto); ok {
		binary.BigEndian.PutUint16(payload[at:], checksum(c.Proto, src, dst, payload))
	}
	return append(f, payload...), nil
}

// payloadOf is what follows the IP header, without a checksum.
func payloadOf(c Conn, p Purpose) []byte {
	b := make([]byte, 8, 24)
	binary.BigEndian.PutUint16(b, c.Orig.SPort)
	binary.BigEndian.PutUint16(b[2:], c.Orig.DPort)
	switch c.Proto {
	case packet.ProtoTCP:
		const fin, syn, ack = 1, 2, 16
		b = b[:20]
		b[12] = 5 << 4 // the header's length
		b[13] = map[Purpose]byte{Touch: syn | fin, TouchKernel: syn, Begin: ack}[p]
		b[15] = 64 // a window
	case packet.ProtoUDP, protoUDPLite:
		b[5] = 8 // the length; of UDP-Lite what the checksum covers
	case protoDCCP:
		const request, extended = 0, 1
		b = b[:20]
		b[4] = 5 // the header's length
		b[8] = request<<1 | extended
	case protoSCTP:
		const heartbeat, info = 4, 1
		b = b[:20]
		binary.BigEndian.PutUint32(b[4:], sctpTag)
		b[12], b[15] = heartbeat, 8
		b[17], b[19] = info, 4
	case protoGRE:
		// The kernel has the call id of version 1, which carries PPP, for a port.
		if clear(b); c.Orig.DPort != 0 {
			copy(b, []byte{0x20, 1, 0x88, 0x0b})
			binary.BigEndian.PutUint16(b[6:], c.Orig.DPort)
		}
	case packet.ProtoICMP, packet.ProtoICMPv6:
		b[0], b[1], b[2], b[3] = c.Orig.ICMPType, c.Orig.ICMPCode, 0, 0
		binary.BigEndian.PutUint16(b[4:], c.Orig.ICMPID)
	}
	return b
}

// sctpTag is a verification tag that is unlikely to be a connection's.
const sctpTag = 0x52474655

// checksumAt is where a protocol's checksum stands.
func checksumAt(proto uint8) (offset int, ok bool) {
	switch proto {
	case packet.ProtoTCP:
		return 16, true
	case packet.ProtoUDP, protoUDPLite, protoDCCP:
		return 6, true
	case packet.ProtoICMP, packet.ProtoICMPv6:
		return 2, true
	}
	return 0, false
}

// checksum is that of a payload whose own field is 0, with the pseudo-header of
// RFC 9293 §3.1 or RFC 8200 §8.1 where there is one.
func checksum(proto uint8, src, dst netip.Addr, payload []byte) uint16 {
	var pseudo uint32
	if proto == protoUDPLite { // the kernel's conntrack takes it for UDP there (6.1, udplite_error())
		proto = packet.ProtoUDP
	}
	if proto != packet.ProtoICMP {
		pseudo = uint32(sum(0, src.AsSlice())) + uint32(sum(0, dst.AsSlice())) + uint32(proto) + uint32(len(payload))
	}
	if s := ^sum(pseudo, payload); s != 0 || proto != packet.ProtoUDP {
		return s
	}
	return 0xffff // RFC 768, RFC 3828: 0 is none
}

// sum is the ones' complement sum of RFC 1071, of an even number of bytes.
func sum(s uint32, b []byte) uint16 {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
