package httpapi

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// TestMemberPages reads the members of a group page by page while they change:
// all pages are of the first one's revision, and in order.
func TestMemberPages(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	for i := range 7 {
		id := fmt.Sprintf("m%d", (i*3)%7)
		s.must("PUT", "/v1/nics/"+id, fmt.Sprintf(`{"account":"acme","network":"net1","mac":"02:00:00:00:01:%02x","addresses":["10.0.0.%d"]}`, i, 100+(i*5)%7))
		s.must("PUT", acme+"/nics/"+id+"/security-groups/web", "")
	}
	items := func(path string) (all []string, next string) {
		a := s.must("GET", path, "")
		list, _ := a.at("items").([]any)
		for i := range list {
			all = append(all, a.text("items", i, "address")+" "+a.text("items", i, "nic"))
		}
		next, _ = a.at("next_cursor").(string)
		return all, next
	}
	want, _ := items(web + "/members")
	if len(want) != 7 {
		t.Fatalf("the group has %v", want)
	}
	got, next := items(web + "/members?limit=2")
	for i := 0; next != ""; i++ {
		s.must("DELETE", acme+fmt.Sprintf("/nics/m%d/security-groups/web", i), "")
		var page []string
		page, next = items(web + "/members?limit=2&cursor=" + next)
		got = append(got, page...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("in pages: %v, want %v", got, want)
	}
	if s.api.ordered.size() == 0 {
		t.Error("the order is made anew for each page")
	}
}

// TestMemberOrderIsBounded keeps the lists that were used last.
func TestMemberOrderIsBounded(t *testing.T) {
	var o memberOrder
	made := 0
	get := func(rev int64, mark string, n int) {
		o.get(secgroup.GroupRef{Account: "a", ID: "g"}, rev, mark, func() []secgroup.Member { made++; return make([]secgroup.Member, n) })
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
		if get(c.rev, c.mark, c.n); made != c.made || o.size() > maxOrdered {
			t.Errorf("%+v: made %d times, and %d are kept", c, made, o.size())
		}
	}
}

// size is how many members are kept.
func (o *memberOrder) size() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.lists {
		n += len(l.members)
	}
	return n
}

// BenchmarkMemberPage measures a later page of 100 of a group of 50,000.
func BenchmarkMemberPage(b *testing.B) {
	var o memberOrder
	all := make([]secgroup.Member, 50_000)
	for b.Loop() {
		o.get(secgroup.GroupRef{}, 1, "x", func() []secgroup.Member { return all })
	}
}
