package httpapi

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

func (a *API) newestRevision(t *testing.T) (rev int64) {
	t.Helper()
	err := a.store.Read(t.Context(), func(s *secgroup.Snapshot) error { rev = s.Revision(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// Sixteen writers race on one group: no rule is lost, every answer of success is
// in the store, and of two that claim one name one gets it.
func TestRacingWritersLoseNothing(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	const writers, each = 16, 8
	var wg sync.WaitGroup
	var mu sync.Mutex
	revisions := map[string]bool{}
	won := 0
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				a := s.do("PUT", fmt.Sprintf("%s/w%d-%d", rules, w, i), fmt.Sprintf(`{"direction":"ingress","protocol":"tcp","port_min":%d}`, 1+w*each+i))
				b := s.do("PATCH", web, fmt.Sprintf(`{"tags":{"w%d":"%d"}}`, w, i))
				c := s.do("PUT", fmt.Sprintf("%s/claim%d-%d", groups, w, i), fmt.Sprintf(`{"name":"prize %d"}`, i))
				if a.status != 201 || b.status != 200 || c.status != 201 && c.status != 409 {
					t.Errorf("writer %d: %d %s, %d %s, %d %s", w, a.status, a.raw, b.status, b.raw, c.status, c.raw)
				}
				if a.text("revision") != a.header.Get("SG-Revision") {
					t.Errorf("a rule made at %s is of revision %s", a.header.Get("SG-Revision"), a.text("revision"))
				}
				mu.Lock()
				revisions[a.header.Get("SG-Revision")] = true
				if c.status == 201 {
					won++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	g := s.must("GET", web, "")
	if n := len(strings.Fields(ruleIDs(g, "rules"))); n != writers*each {
		t.Errorf("%d rules of %d are there", n, writers*each)
	}
	for w := range writers {
		if got := g.text("tags", fmt.Sprint("w", w)); got != fmt.Sprint(each-1) {
			t.Errorf("tag of writer %d is %s", w, got)
		}
	}
	if len(revisions) != writers*each {
		t.Errorf("%d writes have %d revisions", writers*each, len(revisions))
	}
	if won != each {
		t.Errorf("%d names were given to %d groups", each, won)
	}
}
