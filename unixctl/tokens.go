package unixctl

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

var errUnknown = errors.New("unknown")

// number reads a decimal number that fits T.
func number[T uint8 | uint16 | uint32 | uint64](s string) (T, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || uint64(T(n)) != n {
		return 0, fmt.Errorf("%q is no number of that size", s)
	}
	return T(n), nil
}

// seen holds the keys met so far. The array keeps a dump of many connections
// from allocating for each.
type seen struct {
	keys [20]string // more than any of the formats has
	n    int
}

func (s *seen) has(key string) bool { return slices.Contains(s.keys[:s.n], key) }

func (s *seen) add(key string) error {
	if s.has(key) {
		return fmt.Errorf("token %s is given twice", key)
	}
	if s.n == len(s.keys) {
		return fmt.Errorf("token %s: too many tokens", key)
	}
	s.keys[s.n] = key
	s.n++
	return nil
}

// need is an error if one of the keys was not met.
func (s *seen) need(keys ...string) error {
	for _, k := range keys {
		if !s.has(k) {
			return fmt.Errorf("token %s is missing", k)
		}
	}
	return nil
}
