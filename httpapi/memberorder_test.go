package httpapi

import (
	"fmt"
	"slices"
	"testing"
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
	if s.api.ordered.Size() == 0 {
		t.Error("the order is made anew for each page")
	}
}
