package ofrules

import (
	"strings"
	"testing"
)

func TestCookiesAreReadBack(t *testing.T) {
	t.Parallel()
	for kind := KindPipeline; kind <= KindLinkLocal; kind++ {
		if kind == kindFormerCut {
			continue
		}
		for _, id := range []uint32{0, 1, firstNumber, 0xffffffff} {
			c := cookie(kind, id)
			if got, ok := ParseCookie(c); !ok || got != (Cookie{kind, id}) || c&CookieMask != CookieOwner || c == 0 {
				t.Errorf("%v %d is %#x and read as %v, %v", kind, id, c, got, ok)
			}
			for _, other := range []uint64{c ^ 1<<63, c ^ 1<<48, c | 1<<32, c | 1<<39} {
				if got, ok := ParseCookie(other); ok {
					t.Errorf("the foreign cookie %#x is read as %v", other, got)
				}
			}
		}
		if s := kind.String(); strings.Contains(s, "(") {
			t.Errorf("kind %d is called %s", kind, s)
		}
	}
	for _, c := range []uint64{0, CookieOwner, cookie(KindLinkLocal+1, 0), cookie(kindFormerCut, 0), CookieOwner | 0xff<<40} {
		if got, ok := ParseCookie(c); ok {
			t.Errorf("%#x is read as %v", c, got)
		}
	}
	if s := CookieKind(99).String(); s != "CookieKind(99)" {
		t.Errorf("an unknown kind is called %s", s)
	}
}

// TestTableNames: every table of the pipeline has a name of its own that an
// OpenFlow table may have, and the address tables are among them.
func TestTableNames(t *testing.T) {
	t.Parallel()
	names := TableNames()
	used := map[string]bool{}
	for table, name := range names {
		if name == "" || len(name) > 31 || used[name] {
			t.Errorf("table %d is called %q", table, name)
		}
		used[name] = true
	}
	for _, s := range []stage{egressStage(), ingressStage()} {
		for _, table := range []uint8{s.state, s.invalid, s.nic, s.any, s.address, s.rules, s.accept, s.next} {
			if names[table] == "" {
				t.Errorf("table %d has no name", table)
			}
		}
	}
}
