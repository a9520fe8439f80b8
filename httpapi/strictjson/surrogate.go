package strictjson

import (
	"bytes"
	"strconv"
	"unicode/utf16"
)

// loneSurrogate returns where in a JSON text an escape is half of a pair that makes a
// character beyond U+FFFF, without its other half, and -1 if none is. RFC 8259, section 8.2,
// leaves open what that means; encoding/json takes it for U+FFFD, so that a name would be kept as
// another one than was sent.
func loneSurrogate(text []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(text[at:], '\\')
		if i < 0 {
			return -1
		}
		at += i
		r := escaped(text[at:])
		switch {
		case !utf16.IsSurrogate(r):
			at += 2 // the digits after \u are no escape
		case utf16.DecodeRune(r, escaped(text[at+6:])) == '\uFFFD':
			return at
		default:
			at += 12
		}
	}
}

// escaped is the code unit that \uXXXX at the beginning of a text stands for, -1 if there is none.
func escaped(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(unit)
}
