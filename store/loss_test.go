package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLossIsKnownLater restores etcd under a store that follows it, and then asks
// one that was opened only afterwards, which has seen nothing of what was lost.
func TestLossIsKnownLater(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		first := open(t, e.config())
		kept := mustUpdate(t, first, put(account("a"), group("a", "g")))
		putLevel(t, first, LevelNow)
		report := HostStatus{Host: "dead", Applied: kept, Mark: first.cache().markAt(kept), Heartbeat: time.Now()}
		if err := first.PutHost(t.Context(), report); err != nil {
			t.Fatal(err)
		}
		// It would write down, too, what it knows of the loss, which may be less.
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		e.save(t)

		// The host goes on, and dies. Its report of that is lost.
		running := open(t, e.config())
		former := epochs(t, running)
		before := <-former
		last := spoil(t, running, 40)
		lostMark := running.cache().markAt(last)
		awaitHost(t, running, "dead", kept)
		report.Applied, report.Mark = last, lostMark
		if err := running.PutHost(t.Context(), report); err != nil {
			t.Fatal(err)
		}
		awaitHost(t, running, "dead", last)
		e.stop(t)
		e.restore(t, false)
		e.start(t)
		waitUntil(t, "the loss is written down", func() bool { return running.restores().NoticedAt() > 0 })
		l := running.restores().All()[0]
		if l.After != kept || l.UpTo != last || l.Mark != lostMark {
			t.Errorf("lost is %+v, want from %d to %d, mark %s", l, kept, last, lostMark)
		}

		// Both name the new history alike, and otherwise than the one before.
		later := open(t, e.config())
		select {
		case now := <-former:
			if again := <-epochs(t, later); now == before || now != again {
				t.Errorf("epoch %q, after the loss %q and to another one %q", before, now, again)
			}
		case <-time.After(time.Minute):
			t.Error("the epoch stays as it was")
		}
		if err := later.WaitHosts(within(t, patience), func([]HostStatus) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if h := later.Hosts()[0]; h.Applied != 0 || h.Doubt == "" {
			t.Errorf("a report that the backup had is believed: %+v", h)
		}
		if err := later.Holds(t.Context(), last); !errors.Is(err, ErrRestored) && !errors.Is(err, ErrFutureRevision) {
			t.Errorf("the lost revision, to which the store has not come again: %v", err)
		}
		if err := later.PutHost(t.Context(), HostStatus{Host: "alive"}); err != nil { // at a revision that was one of the policy
			t.Fatal(err)
		}
		now := kept
		for now <= last {
			now = mustUpdate(t, later, put(account(fmt.Sprintf("new-%d", now))))
		}
		var again, other int64 // were lost, and are one of the policy again, or of something else
		for rev := kept + 1; rev < last; rev++ {
			switch later.cache().markAt(rev) {
			case "":
				other = rev
			default:
				again = rev
			}
		}
		if again == 0 || other == 0 {
			t.Fatal("the test does not have the revisions that it is about")
		}
		for _, c := range []struct {
			name  string
			rev   int64
			mark  string
			since error // of events since then
			holds error
		}{
			{"kept, without a mark", kept, "", nil, nil},
			{"given out again, without a mark", again, "", ErrRestored, nil},
			{"given out again, with its mark", again, later.cache().markAt(again), nil, nil},
			{"given out again for something else", other, "", ErrRestored, ErrRestored},
			{"the latest, without a mark", now, "", nil, nil},
			{"to come", now + 1000, "", ErrFutureRevision, ErrFutureRevision},
			{"lost, with its mark", last, lostMark, ErrRestored, nil},
		} {
			err := later.History(within(t, patience), c.rev, c.mark, func() error { return errEnough }, nil)
			if errors.Is(err, errEnough) {
				err = nil
			}
			if !errors.Is(err, c.since) {
				t.Errorf("events since %d, %s: %v, want %v", c.rev, c.name, err, c.since)
			}
			if err := later.Holds(t.Context(), c.rev); !errors.Is(err, c.holds) {
				t.Errorf("revision %d, %s: %v, want %v", c.rev, c.name, err, c.holds)
			}
		}
		// The host speaks again.
		report.Applied, report.Mark = now, later.cache().markAt(now)
		if err := later.PutHost(t.Context(), report); err != nil {
			t.Fatal(err)
		}
		awaitHost(t, later, "dead", now)
	})
}

// epochs brings what a store tells of its histories.
func epochs(t *testing.T, s *Store) <-chan string {
	t.Helper()
	c := make(chan string, 16)
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { ended <- s.FollowEpoch(ctx, func(epoch string) { c <- epoch }) }()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return c
}

// TestReportOfAnOldWrite: a host that has stood still since an old write is
// believed by who comes later, if the store still has that write.
func TestReportOfAnOldWrite(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		old := mustUpdate(t, s, put(account("a")))
		putLevel(t, s, LevelNow)
		for host, mark := range map[string]string{"stands": s.cache().markAt(old), "lies": "another"} {
			if err := s.PutHost(t.Context(), HostStatus{Host: host, Applied: old, Mark: mark}); err != nil {
				t.Fatal(err)
			}
		}
		mustUpdate(t, s, put(account("b")))
		later := open(t, e.config())
		awaitHost(t, later, "stands", old)
		awaitHost(t, later, "lies", 0)
		compact(t, e.config())
		last := open(t, e.config())
		awaitHost(t, last, "stands", 0)
		waitUntil(t, "why it is not believed", func() bool { return strings.Contains(last.Hosts()[1].Doubt, "nothing left that tells") })
	})
}

// TestLossThatHostsSaw restores etcd while nobody follows it. A host that has applied
// what is lost finds it out, and all who come later know.
func TestLossThatHostsSaw(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		first := open(t, e.config())
		kept := mustUpdate(t, first, put(account("a"), group("a", "g")))
		putLevel(t, first, LevelNow)
		keptMark := first.cache().markAt(kept)
		report := HostStatus{Host: "dead", Applied: kept, Mark: keptMark, Heartbeat: time.Now()}
		if err := first.PutHost(t.Context(), report); err != nil {
			t.Fatal(err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		e.save(t)
		running := open(t, e.config())
		last := spoil(t, running, 40)
		seen := []Write{{Revision: kept, Mark: keptMark}, {Revision: last, Mark: running.cache().markAt(last)}}
		if lost, err := running.Lost(t.Context(), seen); err != nil || lost {
			t.Errorf("before the store went back it has lost %v: %v", lost, err)
		}
		if err := running.Close(); err != nil {
			t.Fatal(err)
		}
		e.stop(t)
		e.restore(t, false)
		e.start(t)

		later := open(t, e.config())
		awaitHost(t, later, "dead", kept) // nobody can tell
		host := open(t, e.config())
		if lost, err := host.Lost(t.Context(), seen); err != nil || !lost {
			t.Fatalf("a host that saw what was lost is told that it is lost %v: %v", lost, err)
		}
		if lost, err := host.Lost(t.Context(), seen[:1]); err != nil || lost {
			t.Errorf("what the backup has is lost %v: %v", lost, err)
		}
		for _, name := range []string{"saw", "saw too"} {
			if err := host.PutHost(t.Context(), HostStatus{Host: name, Heartbeat: time.Now(), Lost: seen}); err != nil {
				t.Fatal(err)
			}
		}
		awaitHost(t, later, "dead", 0)
		latest := open(t, e.config())
		awaitHost(t, latest, "dead", 0)
		for _, s := range []*Store{later, latest} {
			losses := s.restores().All()
			if len(losses) != 1 || losses[0].After != kept || losses[0].UpTo != last || losses[0].Mark != seen[1].Mark {
				t.Errorf("lost is %+v, want from %d to %d", losses, kept, last)
			}
			if err := s.Unambiguous(t.Context(), last); !errors.Is(err, ErrRestored) {
				t.Errorf("a lost revision without a mark: %v", err)
			}
			if err := s.Unambiguous(t.Context(), kept); err != nil {
				t.Errorf("a revision that the backup had: %v", err)
			}
		}
		// A host that is wrong, or lies, of what the store has: nothing follows.
		if err := host.PutHost(t.Context(), HostStatus{Host: "wrong", Applied: kept, Mark: keptMark, Heartbeat: time.Now(), Lost: seen[:1]}); err != nil {
			t.Fatal(err)
		}
		awaitHost(t, latest, "wrong", kept)
		if n := len(latest.restores().All()); n != 1 {
			t.Errorf("%d losses are known", n)
		}
	})
}
