package secgroup

import (
	"fmt"
	"net"
	"net/netip"
)

// ParseMAC reads an Ethernet address in any way that net.ParseMAC does: pairs of
// hex digits with ":" or "-" between them, three groups of four with dots.
func ParseMAC(s string) (MAC, error) {
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != 6 {
		return MAC{}, fmt.Errorf("%q is not an Ethernet address (as 52:54:00:12:34:56)", s)
	}
	return MAC(hw), nil
}

// String writes the address as 52:54:00:12:34:56.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// number is the address as a number, in the same order.
func (m MAC) number() uint64 {
	return uint64(m[0])<<40 | uint64(m[1])<<32 | uint64(m[2])<<24 | uint64(m[3])<<16 | uint64(m[4])<<8 | uint64(m[5])
}

// IsUnicast reports whether one station may own the address: neither a group
// address nor zero.
func (m MAC) IsUnicast() bool { return m[0]&1 == 0 && m != MAC{} }

// LinkLocal returns the IPv6 link-local address that a host makes of its MAC:
// fe80::/64 and the modified EUI-64 (RFC 4291, appendix A).
func (m MAC) LinkLocal() netip.Addr {
	return netip.AddrFrom16([16]byte{
		0xfe, 0x80, 8: m[0] ^ 0x02, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5],
	})
}
