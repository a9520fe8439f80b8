package secgroup

import "strings"

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
