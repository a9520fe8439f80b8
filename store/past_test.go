package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

var errEnough = errors.New("enough")

// story reads n revisions after since and tells what happened.
func story(t *testing.T, s *Store, since int64, n int) (string, error) {
	t.Helper()
	var b strings.Builder
	err := s.History(within(t, patience), since, "", func() error {
		if n == 0 {
			return errEnough
		}
		return nil
	}, func(e Event) error {
		for _, c := range e.Changes {
			fmt.Fprintf(&b, "%d %s %t>%t ", e.Revision, c.Key.ID, c.Before != nil, c.After != nil)
		}
		if n--; n == 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return strings.TrimSpace(b.String()), err
}

func TestHistoryFromARevision(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		r1 := mustUpdate(t, s, put(account("a")))
		r2 := mustUpdate(t, s, put(&secgroup.Account{ID: "a", Quotas: map[string]int{"nics": 1}}, account("b")))
		r3 := mustUpdate(t, s, func(*snapshot) (changes, error) {
			return changes{secgroup.Delete(secgroup.AccountKey("a"))}, nil
		})
		want := fmt.Sprintf("%d a true>true %d b false>true %d a true>false", r2, r2, r3)
		if got, err := story(t, s, r1, 2); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
		// What comes later comes too.
		later := make(chan string, 1)
		go func() {
			got, err := story(t, s, r3, 1)
			later <- fmt.Sprint(got, err)
		}()
		r4 := mustUpdate(t, s, put(account("c")))
		if got, want := <-later, fmt.Sprintf("%d c false>true<nil>", r4); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if _, err := story(t, s, r4+1000, 1); !errors.Is(err, ErrFutureRevision) {
			t.Errorf("a revision to come: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if err := s.History(ctx, r4, "", func() error { cancel(); return nil }, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
	})
}

// A compacted history is refused if changes of the policy are missing from it,
// and not if only reports of hosts are.
func TestHistoryAfterCompaction(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		r1 := mustUpdate(t, s, put(account("a")))
		r2 := mustUpdate(t, s, put(account("b")))
		for range 3 {
			if err := s.PutHost(t.Context(), HostStatus{Host: "h"}); err != nil {
				t.Fatal(err)
			}
		}
		compact(t, e.config())
		if _, err := story(t, s, r1, 1); !errors.Is(err, ErrCompacted) {
			t.Errorf("from %d: %v", r1, err)
		}
		if _, err := story(t, s, r2, 0); err != nil {
			t.Errorf("from %d: %v", r2, err)
		}
		r3 := mustUpdate(t, s, put(account("c")))
		want := fmt.Sprintf("%d c false>true", r3)
		if got, err := story(t, s, r2, 1); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	})
}
