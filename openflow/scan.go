package openflow

import (
	"errors"
	"fmt"
	"strings"
)

// token is one comma- or space-separated part of a flow's text: a keyword, or
// a key with a value after '=', ':' or in parentheses.
type token struct {
	key, value string
	sep        byte // '=', ':', '(' or 0
}

func (t token) String() string {
	switch t.sep {
	case 0:
		return t.key
	case '(':
		return t.key + "(" + t.value + ")"
	}
	return t.key + string(t.sep) + t.value
}

const separators = ", \t\r\n"

// nextToken cuts the first token; done is true if there is none.
func nextToken(s string) (t token, rest string, done bool, err error) {
	s = strings.TrimLeft(s, separators)
	if s == "" {
		return token{}, "", true, nil
	}
	i := strings.IndexAny(s, separators+"=:(")
	switch {
	case i < 0:
		return token{key: s}, "", false, nil
	case s[i] == '(':
		end, err := closing(s[i:])
		if err != nil {
			return token{}, "", false, fmt.Errorf("%q: %w", s, err)
		}
		t, rest = token{s[:i], s[i+1 : i+end], '('}, s[i+end+1:]
	case s[i] == '=' || s[i] == ':':
		end, err := valueEnd(s[i+1:])
		if err != nil {
			return token{}, "", false, fmt.Errorf("%q: %w", s, err)
		}
		t, rest = token{s[:i], s[i+1 : i+1+end], s[i]}, s[i+1+end:]
	default:
		t, rest = token{key: s[:i]}, s[i:]
	}
	if rest != "" && !strings.ContainsRune(separators, rune(rest[0])) {
		return token{}, "", false, fmt.Errorf("%q follows %q without a separator", rest, t)
	}
	return t, rest, false, nil
}

var errUnclosed = errors.New("missing closing parenthesis")

// closing is the index of the parenthesis that closes the one at s[0].
func closing(s string) (int, error) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i, nil
			}
		}
	}
	return 0, errUnclosed
}

// valueEnd is the length of a value: up to a separator outside parentheses.
func valueEnd(s string) (int, error) {
	for i := 0; i < len(s); i++ {
		if s[i] == '(' {
			end, err := closing(s[i:])
			if err != nil {
				return 0, err
			}
			i += end
		} else if strings.IndexByte(separators, s[i]) >= 0 {
			return i, nil
		}
	}
	return len(s), nil
}
