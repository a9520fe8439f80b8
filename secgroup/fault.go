package secgroup

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fault is one thing that is wrong with an object.
type Fault struct {
	Pointer string // RFC 6901, into the object's JSON form: "/port_min"
	Code    string // of the API: CodeInvalidValue, …
	Detail  string
}

// The codes of faults.
const (
	CodeInvalidValue        = "invalid-value"
	CodeOutOfRange          = "out-of-range"
	CodePortNotAllowed      = "port-not-allowed"
	CodeFamilyMismatch      = "family-mismatch"
	CodeRemoteGroupNotFound = "remote-group-not-found"
)

// Faults is every fault found in an object, in the order of its fields.
type Faults []Fault

// Error lists the faults, one a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Pointer + ": " + fault.Detail + " (" + fault.Code + ")"
	}
	return strings.Join(lines, "\n")
}

// At returns the faults with a prefix before their pointers, for an object that
// stands inside another: At("/rules/3").
func (f Faults) At(prefix string) Faults {
	moved := make(Faults, len(f))
	for i, fault := range f {
		fault.Pointer = prefix + fault.Pointer
		moved[i] = fault
	}
	return moved
}

// add notes a fault at the path of field names and indexes.
func (f *Faults) add(code, detail string, path ...any) {
	*f = append(*f, Fault{Pointer(path...), code, detail})
}

// check adds an invalid-value fault unless ok.
func (f *Faults) check(ok bool, detail string, path ...any) {
	if !ok {
		f.add(CodeInvalidValue, detail, path...)
	}
}

// pointerEscaper escapes a reference token (RFC 6901, section 3).
var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// Pointer joins field names and indexes to a JSON pointer (RFC 6901).
func Pointer(path ...any) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		switch p := p.(type) {
		case int:
			b.WriteString(strconv.Itoa(p))
		case string:
			b.WriteString(pointerEscaper.Replace(p))
		default:
			b.WriteString(pointerEscaper.Replace(fmt.Sprint(p)))
		}
	}
	return b.String()
}

const idDetail = "an id is 1-64 of A-Z a-z 0-9 . _ -"

// ValidID reports whether s may be an id: 1-64 of [A-Za-z0-9._-].
func ValidID(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// Limits on texts, in characters.
const (
	maxName        = 255
	maxDescription = 1024
	maxTags        = 50
	maxTagKey      = 128
	maxTagValue    = 255
)

// printable reports whether s is UTF-8 of at least min and at most max
// characters that all show on paper (letters, marks, numbers, punctuation,
// symbols, the plain space).
func printable(s string, min, max int) bool {
	if n := utf8.RuneCountInString(s); n < min || n > max || !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// description is as printable, but may have lines and tabs.
func description(s string) bool {
	return printable(strings.NewReplacer("\n", " ", "\t", " ").Replace(s), 0, maxDescription)
}

// hostAddress says what keeps a from being the address of one host, "" if nothing does.
func hostAddress(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "not an IP address"
	case a.Zone() != "":
		return "an address has no zone here"
	case a.IsUnspecified(), a.IsMulticast(), a.IsLoopback(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return a.String() + " is not the address of one host"
	}
	return ""
}

// unmap turns an IPv4-mapped IPv6 prefix (::ffff:10.0.0.0/104) into the IPv4
// prefix it means, and clears the host bits. An IPv4-mapped address is likewise
// taken for the IPv4 address: on the wire only that exists.
func unmap(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}
