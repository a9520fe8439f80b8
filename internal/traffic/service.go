// Package traffic makes and watches real packets inside network namespaces,
// with nothing but sockets: questions and answers over TCP, UDP, ICMP and any
// other IP protocol, long-lived streams that measure loss and cut, and
// captures. A socket stays in the namespace it was opened in, so one process
// speaks for every machine of a lab.
package traffic

import (
	"fmt"
	"strconv"
	"strings"
)

// Service is what one machine asks of another, in one family.
type Service struct {
	Family   int    // 4 or 6
	Proto    uint8  // IANA protocol number
	Port     uint16 // TCP and UDP: the destination port
	ICMPType uint8  // ICMP: the request's type
	ICMPCode uint8
}

// IANA protocol numbers.
const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
)

// ICMP types, RFC 792 and RFC 4443.
const (
	echoRequest    = 8
	echoReply      = 0
	timestamp      = 13
	timestampReply = 14
	echoRequestV6  = 128
	echoReplyV6    = 129
)

// ParseService reads "tcp/80", "udp4/53", "icmp", "icmp6", "icmp4/13",
// "icmp4/8/3" (type and code) or "ip/47" (a protocol number). Without a 4 or
// 6 it is both families, one Service each.
func ParseService(text string) ([]Service, error) {
	fields := strings.Split(text, "/")
	name, families := fields[0], []int{4, 6}
	if base, ok := strings.CutSuffix(name, "4"); ok {
		name, families = base, []int{4}
	} else if base, ok := strings.CutSuffix(name, "6"); ok {
		name, families = base, []int{6}
	}
	var numbers []uint16
	for _, f := range fields[1:] {
		n, err := strconv.ParseUint(f, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("service %q: %w", text, err)
		}
		numbers = append(numbers, uint16(n))
	}
	var services []Service
	for _, family := range families {
		s := Service{Family: family}
		switch {
		case name == "tcp" && len(numbers) == 1:
			s.Proto, s.Port = protoTCP, numbers[0]
		case name == "udp" && len(numbers) == 1:
			s.Proto, s.Port = protoUDP, numbers[0]
		case name == "ip" && len(numbers) == 1 && numbers[0] <= 255:
			s.Proto = uint8(numbers[0])
		case name == "icmp" && len(numbers) <= 2:
			s.Proto, s.ICMPType = protoICMP, echoRequest
			if family == 6 {
				s.Proto, s.ICMPType = protoICMPv6, echoRequestV6
			}
			if len(numbers) > 0 {
				s.ICMPType = uint8(numbers[0])
			}
			if len(numbers) > 1 {
				s.ICMPCode = uint8(numbers[1])
			}
		default:
			return nil, fmt.Errorf("service %q is not one of tcp/PORT, udp/PORT, icmp[/TYPE[/CODE]], ip/NUMBER", text)
		}
		services = append(services, s)
	}
	return services, nil
}

// String is the form that ParseService reads, with its family.
func (s Service) String() string {
	switch {
	case s.Proto == protoTCP:
		return fmt.Sprintf("tcp%d/%d", s.Family, s.Port)
	case s.Proto == protoUDP:
		return fmt.Sprintf("udp%d/%d", s.Family, s.Port)
	case s.isICMP():
		if s.ICMPCode == 0 && (s.ICMPType == echoRequest && s.Family == 4 || s.ICMPType == echoRequestV6 && s.Family == 6) {
			return fmt.Sprintf("icmp%d", s.Family)
		}
		return fmt.Sprintf("icmp%d/%d/%d", s.Family, s.ICMPType, s.ICMPCode)
	default:
		return fmt.Sprintf("ip%d/%d", s.Family, s.Proto)
	}
}

func (s Service) isICMP() bool {
	return s.Family == 4 && s.Proto == protoICMP || s.Family == 6 && s.Proto == protoICMPv6
}
