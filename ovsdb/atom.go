package ovsdb

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// UUID names a row: 36 characters, hexadecimal in lower case with hyphens.
type UUID string

// parseUUID checks the form of RFC 4122 §3.
func parseUUID(s string) (UUID, error) {
	if len(s) != 36 {
		return "", fmt.Errorf("%q is no UUID", s)
	}
	for i := range len(s) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		hex := s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f'
		if hyphen != (s[i] == '-') || !hyphen && !hex {
			return "", fmt.Errorf("%q is no UUID", s)
		}
	}
	return UUID(s), nil
}

// Kind is the type of an atom, RFC 7047 §3.1.
type Kind uint8

// The kinds of atoms. KindNone is that of the values of a set's type.
const (
	KindNone Kind = iota
	KindInteger
	KindReal
	KindBoolean
	KindString
	KindUUID
	kindNamed // <named-uuid>, in requests only
)

func (k Kind) String() string {
	return [...]string{"none", "integer", "real", "boolean", "string", "uuid", "named-uuid"}[k]
}

// parseKind reads an <atomic-type>.
func parseKind(s string) (Kind, error) {
	for k := KindInteger; k <= KindUUID; k++ {
		if k.String() == s {
			return k, nil
		}
	}
	return KindNone, fmt.Errorf("unknown atomic type %q", s)
}

// Atom is a scalar of the database. Atoms compare with ==.
type Atom struct {
	kind Kind
	n    int64 // integer; boolean as 0 or 1
	r    float64
	s    string // string, UUID or name
}

// Integer makes an atom.
func Integer(n int64) Atom { return Atom{kind: KindInteger, n: n} }

// String makes an atom.
func String(s string) Atom { return Atom{kind: KindString, s: s} }

// Ref makes an atom that refers to a row.
func Ref(u UUID) Atom { return Atom{kind: KindUUID, s: string(u)} }

// NamedRef refers to the row that an Insert of the same transaction calls name.
func NamedRef(name string) Atom { return Atom{kind: kindNamed, s: name} }

func compareAtoms(a, b Atom) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.n, b.n), cmp.Compare(a.r, b.r), cmp.Compare(a.s, b.s))
}

// zeroAtom is the default of a kind, RFC 7047 §5.2.1.
func zeroAtom(k Kind) Atom {
	if k == KindUUID {
		return Ref("00000000-0000-0000-0000-000000000000")
	}
	return Atom{kind: k}
}

// decodeAtom reads an <atom> (RFC 7047 §5.1) that must be of the given kind,
// from JSON decoded with UseNumber.
func decodeAtom(v any, want Kind) (Atom, error) {
	switch v := v.(type) {
	case string:
		if want == KindString {
			return String(v), nil
		}
	case bool:
		if want == KindBoolean {
			a := Atom{kind: KindBoolean}
			if v {
				a.n = 1
			}
			return a, nil
		}
	case json.Number:
		switch want {
		case KindInteger:
			n, err := strconv.ParseInt(string(v), 10, 64)
			if err != nil {
				return Atom{}, fmt.Errorf("%s is no 64-bit integer", v)
			}
			return Integer(n), nil
		case KindReal:
			r, err := v.Float64()
			if err != nil {
				return Atom{}, fmt.Errorf("%s is no real number", v)
			}
			return Atom{kind: KindReal, r: r}, nil
		}
	case []any:
		if want == KindUUID {
			return decodeRef(v)
		}
	}
	return Atom{}, fmt.Errorf("%s is no %s", brief(v), want)
}

// decodeRef reads ["uuid", "…"].
func decodeRef(v []any) (Atom, error) {
	if len(v) == 2 && v[0] == "uuid" {
		if s, ok := v[1].(string); ok {
			u, err := parseUUID(s)
			return Ref(u), err
		}
	}
	return Atom{}, fmt.Errorf(`%s is no ["uuid", …]`, brief(v))
}

// MarshalJSON writes an <atom>.
func (a Atom) MarshalJSON() ([]byte, error) {
	switch a.kind {
	case KindInteger:
		return json.Marshal(a.n)
	case KindReal:
		return json.Marshal(a.r)
	case KindBoolean:
		return json.Marshal(a.n != 0)
	case KindString:
		return json.Marshal(a.s)
	case KindUUID:
		return json.Marshal([]string{"uuid", a.s})
	case kindNamed:
		return json.Marshal([]string{"named-uuid", a.s})
	}
	return nil, errors.New("ovsdb: an atom without a kind")
}

// brief prints JSON for an error message.
func brief(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%T", v)
	}
	const most = 120
	if len(b) > most {
		return strings.ToValidUTF8(string(b[:most]), "") + "…"
	}
	return string(b)
}
