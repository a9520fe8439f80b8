package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// localNetwork is what the first versions do not understand.
func localNetwork(id string) secgroup.Object {
	return &secgroup.Network{ID: id, Type: secgroup.NetworkFlat, RoutingDomain: id, Local: true}
}

// TestRefusedIsNotWritten looks in etcd for what was refused, and for its notes: there is
// nothing, whether it came alone or together with others, which are there.
func TestRefusedIsNotWritten(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		s.Join(ClusterMember{ID: "api-1"})
		awaitLevel(t, s, LevelNow)
		mustUpdate(t, s, put(account("a")))
		if err := s.PutHost(t.Context(), HostStatus{Host: "old"}); err != nil { // which says nothing of what it understands
			t.Fatal(err)
		}
		awaitLevel(t, s, LevelFirst)
		huge := group("a", "huge")
		huge.Description = strings.Repeat("x", 32<<20)
		failed := errors.New("not so")
		for _, c := range []struct {
			name  string
			plan  func(*snapshot) (changes, error)
			cause error
		}{
			{"level", put(localNetwork("n")), ErrLevel},
			{"size", put(huge), ErrTooLarge},
			{"plan", func(*snapshot) (changes, error) { return changes{secgroup.Put(group("a", "planned"))}, failed }, failed},
		} {
			before := etcdRevision(t, s)
			if _, err := s.Update(within(t, patience), c.plan, noted(NoteWrite{Name: "of/" + c.name})); !errors.Is(err, c.cause) {
				t.Errorf("%s: %v, want %v", c.name, err, c.cause)
			}
			if after := etcdRevision(t, s); after != before {
				t.Errorf("%s: it is refused, and something was written", c.name)
			}
		}

		// What comes at the same time is made together.
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				plan, want := put(group("a", fmt.Sprint("g", i))), error(nil)
				if i%3 == 0 {
					plan, want = put(localNetwork(fmt.Sprint("n", i))), ErrLevel
				}
				if _, err := s.Update(within(t, patience), plan, noted(NoteWrite{Name: fmt.Sprint("together/", i)})); !errors.Is(err, want) {
					t.Errorf("%d: %v, want %v", i, err, want)
				}
			})
		}
		wg.Wait()
		other := open(t, e.config()) // which reads what is there
		for i := range 12 {
			is := read(t, other, func(p *snapshot) bool {
				return p.Group(groupRef("a", fmt.Sprint("g", i))) != nil || p.Network(fmt.Sprint("n", i)) != nil
			})
			_, noted, err := other.Note(t.Context(), fmt.Sprint("together/", i))
			if want := i%3 != 0; is != want || noted != want || err != nil {
				t.Errorf("%d is there: %t, its note: %t, %v; want %t", i, is, noted, err, want)
			}
		}
	})
}

// etcdRevision is of the last write of a mutation.
func etcdRevision(t *testing.T, s *Store) int64 {
	t.Helper()
	r, err := s.link.Client.Get(t.Context(), s.link.Keys.Head())
	if err != nil {
		t.Fatal(err)
	}
	return r.Kvs[0].ModRevision
}
