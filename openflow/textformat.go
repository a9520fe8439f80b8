package openflow

import "strconv"

// names of the bits, from bit 0 up (ovs-fields(7)).
var (
	ctStateNames = [...]string{"new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"}
	tcpFlagNames = [...]string{"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]"}
	tunFlagNames = [...]string{"oam"}
)

// fragNames are the words for IPFrag (ovs-fields(7), nw_frag).
var fragNames = []struct {
	name        string
	value, mask uint64
}{
	{"no", 0, FragAny | FragLater},
	{"first", FragAny, FragAny | FragLater},
	{"later", FragAny | FragLater, FragAny | FragLater},
	{"yes", FragAny, FragAny},
	{"not_later", 0, FragLater},
}

func fragName(value, mask uint64) string {
	for _, n := range fragNames {
		if n.value == value && n.mask == mask {
			return n.name
		}
	}
	return "<error>" // later without any: no packet is that
}

// reservedPorts are the names of reserved ofports (ovs-ofctl(8)).
var reservedPorts = []struct {
	name string
	port uint32
}{
	{"IN_PORT", PortInPort}, {"TABLE", PortTable}, {"NORMAL", PortNormal}, {"FLOOD", PortFlood},
	{"ALL", PortAll}, {"CONTROLLER", PortController}, {"LOCAL", PortLocal}, {"ANY", PortAny},
}

// PortName is an ofport as ovs-ofctl(8) prints it: "LOCAL", "7".
func PortName(port uint32) string { return string(appendPort(nil, port)) }

func appendPort(b []byte, port uint32) []byte {
	for _, r := range reservedPorts {
		if r.port == port {
			return append(b, r.name...)
		}
	}
	if port >= 0xffffff00 {
		port &= 0xffff
	}
	return strconv.AppendUint(b, uint64(port), 10)
}

// appendFlags adds bits as +name or -name for each bit of mask, or, if all
// bits are compared, the names of those that are set, with | between.
func appendFlags(b []byte, names []string, value, mask uint64, exact bool) []byte {
	if exact {
		start := len(b)
		for i, name := range names {
			if value>>i&1 != 0 {
				if len(b) > start {
					b = append(b, '|')
				}
				b = append(b, name...)
			}
		}
		if len(b) == start {
			b = append(b, '0')
		}
		return b
	}
	for i, name := range names {
		if mask>>i&1 != 0 {
			b = append(append(b, "-+"[value>>i&1]), name...)
		}
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendAltHex adds v as C's %#x does: 0x5, but 0.
func appendAltHex(b []byte, v uint64) []byte {
	if v != 0 {
		b = append(b, '0', 'x')
	}
	return strconv.AppendUint(b, v, 16)
}

// appendPadded adds v as 0x and at least n hex digits.
func appendPadded(b []byte, v uint64, n int) []byte {
	b = append(b, '0', 'x')
	for i := max(n, hexLen(v)) - 1; i >= 0; i-- {
		b = append(b, hexDigits[v>>(4*i)&15])
	}
	return b
}

func hexLen(v uint64) (n int) {
	for ; v != 0; v >>= 4 {
		n++
	}
	return n
}

// appendHex adds bytes as one number, as %#x does: 0x5, but 0.
func appendHex(b, v []byte) []byte {
	start := len(b)
	for _, c := range v {
		for _, d := range [2]byte{c >> 4, c & 15} {
			if d != 0 && len(b) == start {
				b = append(b, '0', 'x')
			}
			if len(b) > start {
				b = append(b, hexDigits[d])
			}
		}
	}
	if len(b) == start {
		b = append(b, '0')
	}
	return b
}

// appendBytes adds bytes as hex pairs with dots between: 00.01.ff.
func appendBytes[T string | []byte](b []byte, v T) []byte {
	for i := range len(v) {
		if i > 0 {
			b = append(b, '.')
		}
		b = append(b, hexDigits[v[i]>>4], hexDigits[v[i]&15])
	}
	return b
}

func appendMAC(b, mac []byte) []byte {
	for i, c := range mac {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}
