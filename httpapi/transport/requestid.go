package transport

import (
	"net/http"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
)

// RequestID names a request in its answer, in logs and in the audit log: as the
// caller has it in X-Request-Id; else by the caller's trace and span, if it
// is traced; else by a name that is made.
func RequestID(h http.Header, newID func() string) string {
	if id := h.Get("X-Request-Id"); secgroup.ValidID(id) {
		return id
	}
	if trace, span := Traced(h); trace != "" {
		return trace + "-" + span
	}
	return newID()
}

// Traced returns the trace and the span of the caller, in hex digits, and "" for
// neither if the header traceparent does not say (W3C Trace Context §3.2: versions
// to come may append, version ff and zero ids are not valid).
func Traced(h http.Header) (trace, span string) {
	all := h.Values("Traceparent")
	if len(all) != 1 {
		return "", ""
	}
	version, rest, _ := strings.Cut(all[0], "-")
	trace, rest, _ = strings.Cut(rest, "-")
	span, rest, _ = strings.Cut(rest, "-")
	flags, _, more := strings.Cut(rest, "-")
	valid := isHex(version, 2) && version != "ff" && isHex(flags, 2) && (version != "00" || !more) &&
		isHex(trace, 32) && strings.Trim(trace, "0") != "" && isHex(span, 16) && strings.Trim(span, "0") != ""
	if !valid {
		return "", ""
	}
	return trace, span
}

// isHex reports whether s is so many hex digits, of which letters are small.
func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}
