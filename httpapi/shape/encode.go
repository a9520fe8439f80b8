package shape

import (
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
)

// The JSON forms of docs/api.md "Shapes". Each has one function that makes it of
// the object, seen in a policy.

// Positive is null for 0.
func Positive(v int) *int {
	if v == 0 {
		return nil
	}
	return &v
}

// Optional8 is null for what is not given.
func Optional8(o secgroup.Opt8) *int {
	if !o.Set {
		return nil
	}
	v := int(o.Value)
	return &v
}

// PrefixText is null for no prefix.
func PrefixText(p netip.Prefix) *string {
	if !p.IsValid() {
		return nil
	}
	s := p.String()
	return &s
}

// GroupText names a group to an account; null for none.
func GroupText(account string, g secgroup.GroupRef) *string {
	if g == (secgroup.GroupRef{}) {
		return nil
	}
	name := g.Within(account)
	return &name
}

func texts[T interface{ String() string }](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = v.String()
	}
	return out
}
