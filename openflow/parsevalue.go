package openflow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// parseValue reads value[/mask] in the field's format.
func parseValue(f Field, text string) (Term, error) {
	t, err := parseValueAs(f, text)
	if err == nil {
		err = t.Err()
	}
	if err != nil {
		return Term{}, fmt.Errorf("%s=%s: %w", f, text, err)
	}
	return t, nil
}

func parseValueAs(f Field, text string) (Term, error) {
	value, mask, masked := strings.Cut(text, "/")
	switch f.spec().format {
	case asEthernet:
		return parseMACTerm(f, value, mask, masked)
	case asIPv4, asIPv6:
		return parseAddrTerm(f, value, mask, masked)
	case asPort:
		p, err := parsePort(text)
		return f.Is(uint64(p)), err
	case asFrag:
		for _, n := range fragNames {
			if n.name == text {
				return f.IsMasked(n.value, n.mask), nil
			}
		}
		return Term{}, fmt.Errorf("unknown word %q: no, yes, first, later or not_later", text)
	case asCTState:
		return parseFlags(f, ctStateNames[:], text)
	case asTCPFlags:
		return parseFlags(f, tcpFlagNames[:], text)
	case asTunFlags:
		return parseFlags(f, tunFlagNames[:], text)
	case asPacketType:
		return parsePacketType(f, text)
	case asDecimal, asHex: // a number
	}
	v, err := parseWide(value)
	if err != nil {
		return Term{}, err
	}
	m := f.FullMask()
	if masked {
		if m, err = parseWide(mask); err != nil {
			return Term{}, err
		}
	}
	n := 16 - f.Len()
	for _, b := range v[:n] {
		if b != 0 {
			return Term{field: f, fault: faultRange}, nil
		}
	}
	for i, b := range m[:n] {
		if m[i] = 0; b != 0 && b != 0xff {
			return Term{field: f, fault: faultRange}, nil
		}
	}
	return f.IsBytes(v[n:], m[n:]), nil
}

// parseUint reads a decimal number, or a hexadecimal one after 0x.
func parseUint(s string, bits int) (uint64, error) {
	base, digits := 10, s
	if len(s) > 2 && (s[:2] == "0x" || s[:2] == "0X") {
		base, digits = 16, s[2:]
	} else if len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("bad number %q: leading zero", s)
	}
	if digits == "" || digits[0] == '+' {
		return 0, fmt.Errorf("bad number %q", s)
	}
	v, err := strconv.ParseUint(digits, base, bits)
	if err != nil {
		var why *strconv.NumError
		errors.As(err, &why)
		return 0, fmt.Errorf("bad number %q: %w", s, why.Err)
	}
	return v, nil
}

// parseWide reads a number of up to 128 bits; more than 64 only in hex.
func parseWide(s string) (v wide, err error) {
	if len(s) > 18 && (s[:2] == "0x" || s[:2] == "0X") && len(s) <= 34 {
		hi, err := parseUint(s[:len(s)-16], 64)
		if err != nil {
			return v, fmt.Errorf("bad number %q", s)
		}
		lo, err := parseUint("0x"+s[len(s)-16:], 64)
		if err != nil {
			return v, fmt.Errorf("bad number %q", s)
		}
		binary.BigEndian.PutUint64(v[:8], hi)
		binary.BigEndian.PutUint64(v[8:], lo)
		return v, nil
	}
	lo, err := parseUint(s, 64)
	binary.BigEndian.PutUint64(v[8:], lo)
	return v, err
}

func parseMAC(s string) (mac [6]byte, err error) {
	parts := strings.Split(s, ":")
	if len(parts) != 6 {
		return mac, fmt.Errorf("bad Ethernet address %q", s)
	}
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 16, 8)
		if err != nil || len(p) > 2 || p[0] == '+' {
			return mac, fmt.Errorf("bad Ethernet address %q", s)
		}
		mac[i] = byte(v)
	}
	return mac, nil
}

func parseMACTerm(f Field, value, mask string, masked bool) (Term, error) {
	v, err := parseMAC(value)
	if err != nil || !masked {
		return f.IsMAC(v), err
	}
	m, err := parseMAC(mask)
	return f.IsMACMasked(v, m), err
}

func parseAddrTerm(f Field, value, mask string, masked bool) (Term, error) {
	a, err := netip.ParseAddr(value)
	if err != nil {
		return Term{}, fmt.Errorf("bad address %q", value)
	}
	if a.Zone() != "" || a.Is4() != (f.spec().format == asIPv4) {
		return Term{}, fmt.Errorf("%q is of another address family", value)
	}
	if !masked {
		return f.IsAddr(a), nil
	}
	if strings.ContainsAny(mask, ".:") {
		m, err := netip.ParseAddr(mask)
		if err != nil || m.Zone() != "" || m.BitLen() != a.BitLen() {
			return Term{}, fmt.Errorf("bad mask %q", mask)
		}
		return f.IsBytes(a.AsSlice(), m.AsSlice()), nil
	}
	n, err := parseUint(mask, 8)
	if err != nil || int(n) > a.BitLen() {
		return Term{}, fmt.Errorf("bad prefix length %q", mask)
	}
	return f.IsPrefix(netip.PrefixFrom(a, int(n))), nil
}

// parsePort reads an ofport: its number, or the name of a reserved one.
func parsePort(s string) (uint32, error) {
	for _, r := range reservedPorts {
		if strings.EqualFold(r.name, s) {
			return r.port, nil
		}
	}
	v, err := parseUint(s, 32)
	if err != nil {
		return 0, fmt.Errorf("bad port %q: a number or a name of ovs-ofctl(8)", s)
	}
	if !ValidPort(uint32(v)) {
		return 0, fmt.Errorf("no port %q: reserved ones have names", s)
	}
	return uint32(v), nil
}

// parseFlags reads +name-name, or name|name for an exact condition, or a
// number with or without a mask.
func parseFlags(f Field, names []string, text string) (Term, error) {
	bit := func(name string) (uint64, error) {
		for i, n := range names {
			if n == name {
				return 1 << i, nil
			}
		}
		return 0, fmt.Errorf("unknown flag %q", name)
	}
	if text == "" {
		return Term{}, fmt.Errorf("missing flags")
	}
	switch c := text[0]; {
	case c == '+' || c == '-':
		var value, mask uint64
		for rest := text; rest != ""; {
			set := rest[0] == '+'
			rest = rest[1:]
			n := strings.IndexAny(rest, "+-")
			if n < 0 {
				n = len(rest)
			}
			b, err := bit(rest[:n])
			if err != nil {
				return Term{}, err
			}
			if mask&b != 0 {
				return Term{}, fmt.Errorf("flag %q is given twice", rest[:n])
			}
			if mask |= b; set {
				value |= b
			}
			rest = rest[n:]
		}
		return f.IsMasked(value, mask), nil
	case c >= '0' && c <= '9':
		v, m, masked := strings.Cut(text, "/")
		value, err := parseUint(v, 64)
		if err != nil || !masked {
			return f.Is(value), err
		}
		mask, err := parseUint(m, 64)
		return f.IsMasked(value, mask), err
	}
	var value uint64
	for name := range strings.SplitSeq(text, "|") {
		b, err := bit(name)
		if err != nil {
			return Term{}, err
		}
		value |= b
	}
	return f.Is(value), nil
}

func parsePacketType(f Field, text string) (Term, error) {
	ns, typ, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(text, "("), ")"), ",")
	if !ok {
		return Term{}, fmt.Errorf("bad packet type %q: (namespace,type)", text)
	}
	n, err := parseUint(ns, 16)
	if err != nil {
		return Term{}, err
	}
	v, err := parseUint(typ, 16)
	return f.Is(n<<16 | v), err
}
