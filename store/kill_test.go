package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWritesOverKills kills etcd under writers, and wants every write that was
// reported as made to be there, at its revision, and none that was reported as
// not made.
func TestWritesOverKills(t *testing.T) {
	const writers, kills = 4, 4
	type write struct {
		id  string
		rev int64
		err error
	}
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a")))
		var r recorder
		follow(t, s, &r)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		writes := make([][]write, writers)
		for w := range writers {
			wg.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					id := fmt.Sprintf("g%d-%d", w, i)
					rev, err := s.Update(within(t, time.Minute), put(group("a", id)))
					writes[w] = append(writes[w], write{id, rev, err})
				}
			})
		}
		for range kills {
			time.Sleep(300 * time.Millisecond) // writes are under way, and some fail while it is away
			e.stop(t)
			time.Sleep(50 * time.Millisecond)
			e.start(t)
			awaitStale(t, s, false)
		}
		time.Sleep(300 * time.Millisecond) // they go on for a while
		close(stop)
		wg.Wait()

		last := mustUpdate(t, s, put(group("a", "last")))
		there := read(t, open(t, e.config()), func(s *snapshot) map[string]int64 {
			revs := map[string]int64{}
			for _, g := range s.Groups("a") {
				revs[g.ID] = g.Revision
			}
			return revs
		})
		made, unmade, unknown := 0, 0, 0
		for _, all := range writes {
			for _, w := range all {
				switch rev, is := there[w.id], there[w.id] != 0; {
				case w.err == nil && rev != w.rev:
					t.Errorf("%s was written at revision %d, is there at %d", w.id, w.rev, rev)
				case errors.Is(w.err, ErrOutcomeUnknown):
					unknown++
				case w.err != nil && is:
					t.Errorf("%s was not written, and is there: %v", w.id, w.err)
				case w.err != nil:
					unmade++
				default:
					made++
				}
			}
		}
		if made == 0 {
			t.Error("no write was made")
		}
		r.await(t, last)
		if diff := cmp.Diff(dump(t, s), r.state()); diff != "" {
			t.Errorf("the follower's state (-cache +follower):\n%s", diff)
		}
		t.Logf("%d writes made, %d not, %d unknown", made, unmade, unknown)
	})
}
