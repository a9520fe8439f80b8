package packet

import (
	"fmt"
	"strconv"
)

// ProtocolName is how people call an IP protocol.
func ProtocolName(n uint8) string {
	switch n {
	case ProtoTCP:
		return "tcp"
	case ProtoUDP:
		return "udp"
	case ProtoICMP:
		return "icmp"
	case ProtoICMPv6:
		return "icmpv6"
	}
	return fmt.Sprintf("protocol %d", n)
}

// String is the packet as the scenarios of tests have it:
// "10.0.0.1 > 10.0.0.2 tcp 80 from 40000".
func (t Tuple) String() string { return fmt.Sprintf("%v > %v %s", t.Src, t.Dst, t.Payload()) }

// defaultSrcPort is what TCP and UDP are sent from unless it is said.
const defaultSrcPort = 40000

// Payload is what String says after the addresses: "tcp 80", "udp 53 from 53",
// "icmp 8/0" of either family, "proto 47".
func (t Tuple) Payload() string {
	switch {
	case t.Proto == ProtoTCP, t.Proto == ProtoUDP:
		from := ""
		if t.SrcPort != defaultSrcPort {
			from = fmt.Sprintf(" from %d", t.SrcPort)
		}
		return fmt.Sprintf("%s %d%s", ProtocolName(t.Proto), t.DstPort, from)
	case t.ICMP():
		return fmt.Sprintf("icmp %d/%d", t.ICMPType, t.ICMPCode)
	}
	return fmt.Sprintf("proto %d", t.Proto)
}

// SetPayload is the inverse of Payload, of its words. The packet has its addresses.
func (t *Tuple) SetPayload(words ...string) error {
	if len(words) < 2 {
		return fmt.Errorf("a packet needs a protocol, and what of it: %q", words)
	}
	word, what, more := words[0], words[1], words[2:]
	var err error
	switch word {
	case "tcp", "udp":
		if t.Proto, t.SrcPort = ProtoTCP, defaultSrcPort; word == "udp" {
			t.Proto = ProtoUDP
		}
		if t.DstPort, err = port(what); err == nil && len(more) == 2 && more[0] == "from" {
			t.SrcPort, err = port(more[1])
			more = nil
		}
	case "icmp":
		if t.Proto = ProtoICMP; t.Is6() {
			t.Proto = ProtoICMPv6
		}
		_, err = fmt.Sscanf(what, "%d/%d", &t.ICMPType, &t.ICMPCode)
	case "proto":
		var n uint64
		n, err = strconv.ParseUint(what, 10, 8)
		t.Proto = uint8(n)
	default:
		return fmt.Errorf("unknown protocol %q", word)
	}
	if err == nil && len(more) > 0 {
		err = fmt.Errorf("%q: nothing is expected there", more)
	}
	return err
}

func port(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}
