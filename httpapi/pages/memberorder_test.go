package pages

import (
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// TestMemberOrderIsBounded keeps the lists that were used last.
func TestMemberOrderIsBounded(t *testing.T) {
	var o MemberOrder
	made := 0
	get := func(rev int64, mark string, n int) {
		o.Get(secgroup.GroupRef{Account: "a", ID: "g"}, rev, mark, func() []secgroup.Member { made++; return make([]secgroup.Member, n) })
	}
	for _, c := range []struct {
		rev  int64
		mark string
		n    int
		made int
	}{
		{1, "x", maxOrdered / 2, 1},
		{1, "x", 0, 1},
		{1, "y", maxOrdered / 4, 2}, // the same number in another history
		{2, "x", maxOrdered / 4, 3},
		{1, "x", 0, 3},
		{3, "x", maxOrdered / 4, 4}, // for which (1, y) goes
		{1, "x", 0, 4},
		{1, "y", maxOrdered / 4, 5},
		{4, "", 1, 6}, {4, "", 1, 7},
		{5, "x", maxOrdered + 1, 8}, {5, "x", maxOrdered + 1, 9},
	} {
		if get(c.rev, c.mark, c.n); made != c.made || o.Size() > maxOrdered {
			t.Errorf("%+v: made %d times, and %d are kept", c, made, o.Size())
		}
	}
}

// BenchmarkMemberPage measures a later page of 100 of a group of 50,000.
func BenchmarkMemberPage(b *testing.B) {
	var o MemberOrder
	all := make([]secgroup.Member, 50_000)
	for b.Loop() {
		o.Get(secgroup.GroupRef{}, 1, "x", func() []secgroup.Member { return all })
	}
}
