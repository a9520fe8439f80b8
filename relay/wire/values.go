package wire

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// The values of the enumerations, by their numbers.
var (
	enforcements   = []secgroup.Enforcement{"", secgroup.EnforcementOn, secgroup.EnforcementOff}
	egressPolicies = []secgroup.EgressPolicy{"", secgroup.EgressAuto, secgroup.EgressListed, secgroup.EgressOpen}
	directions     = []secgroup.Direction{"", secgroup.Ingress, secgroup.Egress}
	families       = []secgroup.Family{"", secgroup.FamilyAny, secgroup.FamilyIPv4, secgroup.FamilyIPv6}
)

// number is the place of a value in its list. A value that is not there is one that
// nobody knows.
func number[T comparable, E ~int32](list []T, v T) E {
	if i := slices.Index(list, v); i >= 0 {
		return E(i)
	}
	return -1
}

// value is the inverse of number.
func value[T any, E ~int32](what string, list []T, n E) (v T, err error) {
	if n < 0 || int(n) >= len(list) {
		return v, fmt.Errorf("%s: %d is not known", what, n)
	}
	return list[n], nil
}

func port(what string, n uint32) (uint16, error) {
	if n > 0xffff {
		return 0, fmt.Errorf("%s: %d is none", what, n)
	}
	return uint16(n), nil
}

func address(what string, b []byte) (netip.Addr, error) {
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return a, fmt.Errorf("%s: %d bytes are no address", what, len(b))
	}
	return a, nil
}

func addresses(what string, list [][]byte) (out []netip.Addr, err error) {
	for _, b := range list {
		a, err := address(what, b)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func fromAddresses(list []netip.Addr) (out [][]byte) {
	for _, a := range list {
		out = append(out, a.AsSlice())
	}
	return out
}

func fromPrefix(p netip.Prefix) *Prefix {
	if !p.IsValid() {
		return nil
	}
	return &Prefix{Address: p.Addr().AsSlice(), Bits: uint32(p.Bits())}
}

// prefix reads a prefix; nil is the zero one.
func prefix(what string, p *Prefix) (netip.Prefix, error) {
	if p == nil {
		return netip.Prefix{}, nil
	}
	a, err := address(what, p.Address)
	if err != nil {
		return netip.Prefix{}, err
	}
	if p.Bits > uint32(a.BitLen()) {
		return netip.Prefix{}, fmt.Errorf("%s: %d bits", what, p.Bits)
	}
	return netip.PrefixFrom(a, int(p.Bits)), nil
}

func fromPrefixes(list []netip.Prefix) (out []*Prefix) {
	for _, p := range list {
		out = append(out, fromPrefix(p))
	}
	return out
}

func prefixes(what string, list []*Prefix) (out []netip.Prefix, err error) {
	for _, p := range list {
		one, err := prefix(what, p)
		if err != nil {
			return nil, err
		}
		if !one.IsValid() {
			return nil, fmt.Errorf("%s: none", what)
		}
		out = append(out, one)
	}
	return out, nil
}

func fromRef(r secgroup.GroupRef) *GroupRef { return &GroupRef{Account: r.Account, Id: r.ID} }

func (r *GroupRef) ref() secgroup.GroupRef {
	return secgroup.GroupRef{Account: r.GetAccount(), ID: r.GetId()}
}

// pack writes sorted addresses one behind the other, by their families.
func pack(list []netip.Addr) (four, six []byte) {
	for _, a := range list {
		if a.Is4() {
			b := a.As4()
			four = append(four, b[:]...)
		} else {
			b := a.As16()
			six = append(six, b[:]...)
		}
	}
	return four, six
}

// unpack is the inverse of pack. It is an error if they are not sorted.
func unpack(what string, four, six []byte) ([]netip.Addr, error) {
	if len(four)%4 != 0 || len(six)%16 != 0 {
		return nil, fmt.Errorf("%s: %d and %d bytes are no addresses", what, len(four), len(six))
	}
	if len(four)+len(six) == 0 {
		return nil, nil
	}
	out := make([]netip.Addr, 0, len(four)/4+len(six)/16)
	for b := range slices.Chunk(four, 4) {
		out = append(out, netip.AddrFrom4([4]byte(b)))
	}
	for b := range slices.Chunk(six, 16) {
		out = append(out, netip.AddrFrom16([16]byte(b)))
	}
	for i := 1; i < len(out); i++ {
		if !out[i-1].Less(out[i]) {
			return nil, fmt.Errorf("%s: %s is behind %s", what, out[i], out[i-1])
		}
	}
	return out, nil
}
