package store

import (
	"errors"
	"testing"
	"time"

	"github.com/ringfence/ringfence/secgroup"
)

// TestNothingIsAnsweredFromOldMemory: a store whose connection hangs believes
// what it has. What another store wrote meanwhile must be known before a write
// is said to change nothing, or is refused.
func TestNothingIsAnsweredFromOldMemory(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		errThere := errors.New("the group is there")
		for _, c := range []struct {
			name string
			plan func(*snapshot) (changes, error)
		}{
			{"no change", func(s *snapshot) (changes, error) {
				if s.Group(groupRef("a", "g")) != nil {
					return nil, nil
				}
				return changes{secgroup.Put(group("a", "g"))}, nil
			}},
			{"an error", func(s *snapshot) (changes, error) {
				if s.Group(groupRef("a", "g")) != nil {
					return nil, errThere
				}
				return changes{secgroup.Put(group("a", "g"))}, nil
			}},
		} {
			other := open(t, e.config())
			mustUpdate(t, other, put(account("a"), group("a", "g")))
			cfg, wire := via(t, e.config())
			s := open(t, cfg)
			if err := s.Sync(within(t, patience)); err != nil {
				t.Fatal(err)
			}
			wire.hold()
			deleted := mustUpdate(t, other, drop(group("a", "g").Key()))
			type answer struct {
				rev int64
				err error
			}
			answered := make(chan answer, 1)
			go func() {
				rev, err := s.Update(within(t, patience), c.plan)
				answered <- answer{rev, err}
			}()
			select {
			case a := <-answered:
				t.Errorf("%s: answered %d, %v without having asked etcd; the group was deleted at %d", c.name, a.rev, a.err, deleted)
			case <-time.After(300 * time.Millisecond):
				wire.mend()
				if a := <-answered; a.err != nil || a.rev <= deleted {
					t.Errorf("%s: answered %d, %v, want a write after %d", c.name, a.rev, a.err, deleted)
				}
			}
			wire.mend()
			mustUpdate(t, other, drop(group("a", "g").Key()))
		}
	})
}
