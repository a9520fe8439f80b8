package unixctl

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/ringfence/ringfence/packet"
)

// IP protocols that lib/ct-dpif.c prints by name, and GRE.
const (
	protoIGMP    = 2
	protoDCCP    = 33
	protoGRE     = 47
	protoSCTP    = 132
	protoUDPLite = 136
)

func parseProto(s string) (uint8, error) {
	switch s {
	case "tcp":
		return packet.ProtoTCP, nil
	case "udp":
		return packet.ProtoUDP, nil
	case "icmp":
		return packet.ProtoICMP, nil
	case "icmpv6":
		return packet.ProtoICMPv6, nil
	case "sctp":
		return protoSCTP, nil
	case "udplite":
		return protoUDPLite, nil
	case "dccp":
		return protoDCCP, nil
	case "igmp":
		return protoIGMP, nil
	}
	n, err := strconv.ParseUint(s, 10, 8)
	return uint8(n), err
}

// ParseConn reads one line of dpctl/dump-conntrack, with or without -m and
// -s: the format of ct_dpif_format_entry() in lib/ct-dpif.c. A token that is
// unknown, malformed, missing or given twice is an error that names it.
func ParseConn(line string) (Conn, error) {
	var c Conn
	if err := c.parse(line); err != nil {
		return Conn{}, fmt.Errorf("conntrack entry %q: %w", line, err)
	}
	return c, nil
}

func (c *Conn) parse(line string) (err error) {
	name, rest, _ := strings.Cut(line, ",")
	if c.Proto, err = parseProto(name); err != nil {
		return fmt.Errorf("unknown protocol %q", name)
	}
	var seen seen
	for rest != "" {
		var key, value string
		if key, value, rest, err = nextToken(rest); err != nil {
			return err
		}
		if err := seen.add(key); err != nil {
			return err
		}
		if err := c.set(key, value); err != nil {
			return fmt.Errorf("token %s=%s: %w", key, value, err)
		}
	}
	return seen.need("orig", "reply")
}

func (c *Conn) set(key, value string) (err error) {
	switch key {
	case "orig":
		c.Orig, c.Sent, err = parseTuple(c.Proto, value)
	case "reply":
		c.Reply, c.Received, err = parseTuple(c.Proto, value)
	case "parent":
		_, err = parseTupleOf(value) // may be of another protocol
	case "zone":
		c.Zone, err = number[uint16](value)
	case "mark":
		c.Mark, err = number[uint32](value)
	case "labels":
		c.Labels, err = parseLabels(value)
	case "timeout":
		var s uint32
		s, err = number[uint32](value)
		c.Timeout = time.Duration(s) * time.Second
	case "protoinfo":
		c.State, err = parseProtoInfo(value)
	case "id":
		_, err = number[uint32](value)
	case "start":
		c.Start, err = time.ParseInLocation("2006-01-02T15:04:05.999", value, time.Local)
	case "stop", "status", "helper": // nothing of ours depends on them
	default:
		err = errUnknown
	}
	return err
}

// nextToken splits "key=value,rest" or "key=(value),rest".
func nextToken(s string) (key, value, rest string, err error) {
	key, after, ok := strings.Cut(s, "=")
	if !ok || strings.ContainsAny(key, ",()") {
		word, _, _ := strings.Cut(s, ",")
		return "", "", "", fmt.Errorf("token %q is no key=value", word)
	}
	if strings.HasPrefix(after, "(") {
		end := strings.IndexByte(after, ')')
		if end < 0 {
			return "", "", "", fmt.Errorf("token %s: no closing parenthesis", key)
		}
		value, rest = after[1:end], after[end+1:]
		if rest == "" {
			return key, value, "", nil
		}
		if rest[0] != ',' || len(rest) == 1 {
			return "", "", "", fmt.Errorf("token %s: followed by %q", key, rest)
		}
		return key, value, rest[1:], nil
	}
	value, rest, more := strings.Cut(after, ",")
	if more && rest == "" {
		return "", "", "", fmt.Errorf("token %s=%s: nothing after the comma", key, value)
	}
	return key, value, rest, nil
}

func parseTuple(proto uint8, s string) (Tuple, Count, error) {
	t, err := parseTupleOf(s)
	if err != nil {
		return Tuple{}, Count{}, err
	}
	if icmp := proto == packet.ProtoICMP || proto == packet.ProtoICMPv6; icmp != t.icmp {
		return Tuple{}, Count{}, fmt.Errorf("the wrong fields for protocol %d", proto)
	}
	return t.Tuple, t.count, nil
}

// rawTuple is a tuple and which kind of fields it had.
type rawTuple struct {
	Tuple
	icmp  bool
	count Count
}

func parseTupleOf(s string) (t rawTuple, err error) {
	var seen seen
	for rest := s; rest != ""; {
		var key, value string
		if key, value, rest, err = nextToken(rest); err != nil {
			return rawTuple{}, err
		}
		if err := seen.add(key); err != nil {
			return rawTuple{}, err
		}
		switch key {
		case "src":
			t.Src, err = parseAddr(value)
		case "dst":
			t.Dst, err = parseAddr(value)
		case "sport":
			t.SPort, err = number[uint16](value)
		case "dport":
			t.DPort, err = number[uint16](value)
		case "id":
			t.ICMPID, err = number[uint16](value)
		case "type":
			t.ICMPType, err = number[uint8](value)
		case "code":
			t.ICMPCode, err = number[uint8](value)
		case "packets":
			t.count.Packets, err = number[uint64](value)
		case "bytes":
			t.count.Bytes, err = number[uint64](value)
		default:
			err = errUnknown
		}
		if err != nil {
			return rawTuple{}, fmt.Errorf("token %s=%s: %w", key, value, err)
		}
	}
	if t.icmp = seen.has("type"); t.icmp {
		err = seen.need("src", "dst", "id", "code")
	} else {
		err = seen.need("src", "dst", "sport", "dport")
	}
	if err != nil {
		return rawTuple{}, err
	}
	if t.icmp && (seen.has("sport") || seen.has("dport")) {
		return rawTuple{}, fmt.Errorf("tuple %q has both ports and an ICMP type", s)
	}
	if t.Src.Is4() != t.Dst.Is4() {
		return rawTuple{}, fmt.Errorf("tuple %q mixes IPv4 and IPv6", s)
	}
	return t, nil
}

// parseProtoInfo returns the state. With -m TCP has one for each side; the
// one further on is the connection's, as without -m.
func parseProtoInfo(s string) (state string, err error) {
	for rest := s; rest != ""; {
		var key, value string
		if key, value, rest, err = nextToken(rest); err != nil {
			return "", err
		}
		switch key {
		case "state", "state_orig":
			state = value
		case "state_reply":
			if tcpRank(value) > tcpRank(state) {
				state = value
			}
		case "wscale_orig", "wscale_reply", "flags_orig", "flags_reply", "vtag_orig", "vtag_reply":
		default:
			return "", fmt.Errorf("token %s=%s: %w", key, value, errUnknown)
		}
	}
	if state == "" {
		return "", fmt.Errorf("no state")
	}
	return state, nil
}

// tcpRank orders TCP states as enum ct_dpif_tcp_state does; -1 if unknown.
func tcpRank(state string) int {
	for i, s := range [...]string{"CLOSED", "LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "CLOSE_WAIT",
		"FIN_WAIT_1", "CLOSING", "LAST_ACK", "FIN_WAIT_2", "TIME_WAIT"} {
		if s == state {
			return i
		}
	}
	return -1
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err == nil && a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("an address with a zone")
	}
	return a, err
}

// parseLabels reads "0x" and 1 to 32 hexadecimal digits.
func parseLabels(s string) (labels [16]byte, err error) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok || len(digits) == 0 || len(digits) > 32 {
		return labels, fmt.Errorf("not a 128-bit hexadecimal number")
	}
	padded := strings.Repeat("0", 32-len(digits)) + digits
	if _, err := hex.Decode(labels[:], []byte(padded)); err != nil {
		return [16]byte{}, err
	}
	return labels, nil
}
