package secgroup

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseProtocol reads a rule's protocol: all, tcp, udp or icmp in any case, or
// an IP protocol number 0-255, of which it drops leading zeros.
func ParseProtocol(s string) (Protocol, error) {
	switch p := Protocol(strings.ToLower(s)); p {
	case ProtocolAll, ProtocolTCP, ProtocolUDP, ProtocolICMP:
		return p, nil
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return "", fmt.Errorf("%q is not a protocol: all, tcp, udp, icmp or a number 0-255", s)
	}
	return Protocol(strconv.FormatUint(n, 10)), nil
}

// Number returns the IP protocol number of a protocol given as a number; ok is
// false for the named ones, which are not "that number" (tcp has ports, icmp
// means another number on IPv6).
func (p Protocol) Number() (n uint8, ok bool) {
	v, err := strconv.ParseUint(string(p), 10, 8)
	return uint8(v), err == nil
}

// HasPorts reports whether a rule of this protocol may name ports.
func (p Protocol) HasPorts() bool { return p == ProtocolTCP || p == ProtocolUDP }
