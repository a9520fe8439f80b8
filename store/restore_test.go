package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/secgroup"
)

// TestRestoredFromABackup exchanges etcd for what it was some writes before,
// under followers that run, that are cut off and that come later; and with new
// writes before any of them looks, fewer and more than were lost.
func TestRestoredFromABackup(t *testing.T) {
	several := repeats(1000, 30)
	for _, lost := range []int{1, several} {
		for _, another := range []bool{false, true} {
			if testing.Short() && lost == 1 && !another {
				continue // without the race detector, by a copy of an embedded etcd's data
			}
			for _, again := range []int{0, 1, lost + 2} {
				if lost == several && again == 1 {
					continue // as with 0 and with two more than were lost
				}
				t.Run(fmt.Sprintf("%d lost, another cluster %v, %d new", lost, another, again), func(t *testing.T) {
					withEtcd(t, func(t *testing.T, e testEtcd) {
						if _, copies := e.(*embeddedEtcd); copies && another {
							return // a copy of the data is always the same cluster
						}
						testRestored(t, e, lost, another, again)
					})
				})
			}
		}
	}
}

func testRestored(t *testing.T, e testEtcd, lost int, another bool, again int) {
	first := open(t, patient(e.config()))
	kept := mustUpdate(t, first, put(account("a"), network("n1"), group("a", "kept", rule("r1")), group("a", "changed")))
	keptMark := first.cache().markAt(kept)
	putLevel(t, first, LevelNow)
	if err := first.PutHost(t.Context(), HostStatus{Host: "silent", Applied: kept, Mark: keptMark, Heartbeat: time.Now()}); err != nil {
		t.Fatal(err)
	}
	e.save(t)

	wired, wire := via(t, patient(e.config()))
	running, cut := open(t, patient(e.config())), open(t, wired)
	var runs, isCut recorder
	follow(t, running, &runs)
	follow(t, cut, &isCut)
	writer := open(t, patient(e.config()))
	last := spoil(t, writer, lost)
	runs.await(t, last)
	isCut.await(t, last)
	for _, s := range []*Store{running, cut} {
		if err := s.cache().reach(within(t, patience), Write{Revision: last}); err != nil {
			t.Fatal(err)
		}
		awaitHost(t, s, "silent", kept)
	}
	lostMark := writer.cache().markAt(last)
	ends := make(chan error, 1)
	ctx := within(t, patience)
	begun := make(chan struct{})
	go func() {
		ends <- running.History(ctx, last, lostMark, func() error { close(begun); return nil }, func(e Event) error { return fmt.Errorf("event at %d", e.Revision) })
	}()
	select {
	case <-begun:
	case err := <-ends:
		t.Fatal("the history is not followed:", err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}

	wire.cut()
	e.stop(t)
	e.restore(t, another)
	e.start(t)
	late := open(t, patient(e.config()))
	now := read(t, late, func(s *snapshot) int64 { return s.Revision() })
	for i := range again {
		now = mustUpdate(t, late, put(group("a", fmt.Sprintf("new-%d", i))))
	}
	wire.mend()

	// A write through one that may not have noticed is planned on what is
	// there, not on what is lost.
	sawLost := false
	var rev int64
	err := ErrUnavailable
	for began := time.Now(); errors.Is(err, ErrUnavailable) && time.Since(began) < patience; { // while it is lost to it
		rev, err = cut.Update(within(t, patience), func(s *snapshot) (changes, error) {
			sawLost = s.Group(groupRef("a", "lost")) != nil
			return put(group("a", "after"))(s)
		})
	}
	if err != nil || sawLost || rev <= now {
		t.Errorf("a write after the store was restored: revision %d after %d, planned on the lost policy %v, %v", rev, now, sawLost, err)
	}
	want := dump(t, late)
	if err := late.cache().reach(within(t, patience), Write{Revision: rev}); err != nil {
		t.Fatal(err)
	}
	want = dump(t, late)
	for name, s := range map[string]*Store{"running": running, "cut off": cut} {
		waitUntil(t, "the "+name+" store shows what is there", func() bool { return cmp.Equal(want, dump(t, s)) })
		if s.Generation() != 2 {
			t.Errorf("the %s store is in its history number %d, want 2", name, s.Generation())
		}
	}
	for name, r := range map[string]*recorder{"running": &runs, "cut off": &isCut} {
		waitUntil(t, "the "+name+" follower has what is there", func() bool { return cmp.Equal(want, r.state()) })
		r.mu.Lock()
		full := slices.ContainsFunc(r.batches[1:], func(b Batch) bool { return b.Full != nil && b.Broken })
		r.mu.Unlock()
		if !full {
			t.Errorf("the %s follower was not given the policy anew", name)
		}
	}

	// Events: who goes on from what is lost is told so.
	if err := <-ends; !errors.Is(err, ErrRestored) {
		t.Errorf("events that were followed end with %v, want ErrRestored", err)
	}
	for _, mark := range []string{"", lostMark} {
		if err := running.History(within(t, patience), last, mark, func() error { return errEnough }, nil); !errors.Is(err, ErrRestored) && !errors.Is(err, ErrFutureRevision) {
			t.Errorf("events since the lost revision %d with mark %q, and now is %d: %v", last, mark, rev, err)
		}
	}
	if err := late.History(within(t, patience), last, lostMark, func() error { return errEnough }, nil); !errors.Is(err, ErrRestored) && !errors.Is(err, ErrFutureRevision) {
		t.Errorf("events of one that came later, since the lost revision %d with its mark: %v", last, err)
	}

	// Hosts: none is believed that speaks of what is lost.
	awaitHost(t, running, "silent", 0)
	reports := []HostStatus{
		{Host: "lost", Applied: last, Mark: lostMark}, {Host: "good", Applied: rev, Mark: late.cache().markAt(rev)}, {Host: "silent", Applied: kept, Mark: keptMark},
		further("lost further", Write{Revision: kept, Mark: keptMark}, Write{Revision: last, Mark: lostMark}),
		further("further", Write{Revision: kept, Mark: keptMark}, Write{Revision: rev, Mark: late.cache().markAt(rev)}),
	}
	for _, s := range []*Store{running, cut, late} {
		waitUntil(t, "hosts are believed that speak of what is there, and only those", func() bool {
			for _, h := range reports { // as hosts do, again and again
				h.Heartbeat = time.Now()
				if err := first.PutHost(t.Context(), h); err != nil && !errors.Is(err, ErrUnavailable) { // its connection is made anew
					t.Fatal(err)
				}
			}
			seen := 0
			for _, h := range s.Hosts() {
				want := map[string]int64{"good": rev, "silent": kept, "lost": 0, "lost further": kept, "further": kept}[h.Host]
				if h.Host == "lost further" && h.NICs[0].Applied > kept {
					t.Fatalf("%+v is believed", h)
				}
				if h.Host == "further" && (h.NICs[0].Applied != rev || h.NICs[1].Applied != kept) {
					continue
				}
				if h.Host == "lost" && h.Applied != 0 {
					t.Fatalf("%+v is believed", h)
				}
				if h.Applied == want && (want > 0) == (h.Doubt == "") {
					seen++
				}
			}
			return seen == len(reports)
		})
	}
}

// further is a host one of whose NICs is further than the host as a whole.
func further(host string, applied, latest Write) HostStatus {
	return HostStatus{Host: host, Applied: applied.Revision, Mark: applied.Mark, Latest: latest.Revision, LatestMark: latest.Mark,
		NICs: []HostNIC{{ID: "a", Ready: true, Applied: latest.Revision}, {ID: "b", Ready: true, Applied: applied.Revision}}}
}

// spoil makes writes that are to be lost, some of which change what is there.
func spoil(t *testing.T, s *Store, n int) (last int64) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range min(n-1, 8) {
		mustUpdate(t, s, put(account(fmt.Sprintf("lost-%d", w))))
		n--
	}
	for w := range 8 {
		wg.Go(func() {
			for range (n - 1) / 8 {
				if _, err := s.Update(within(t, patience), put(group(fmt.Sprintf("lost-%d", w), "g"))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return mustUpdate(t, s, func(snap *snapshot) (changes, error) {
		return append(changes{secgroup.Delete(secgroup.GroupKey(groupRef("a", "kept")))}, secgroup.Put(group("a", "lost")), secgroup.Put(group("a", "changed", rule("lost")))), nil
	})
}

// awaitHost waits until a host is seen with that revision applied.
func awaitHost(t *testing.T, s *Store, host string, applied int64) {
	t.Helper()
	waitUntil(t, fmt.Sprintf("host %s at %d", host, applied), func() bool {
		return slices.ContainsFunc(s.Hosts(), func(h HostStatus) bool {
			return h.Host == host && h.Applied == applied && (applied > 0) == (h.Doubt == "")
		})
	})
}

// waitUntil fails the test unless something comes true, for which it looks more and
// more rarely.
func waitUntil(t *testing.T, what string, true func() bool) {
	t.Helper()
	pause := 5 * time.Millisecond
	for began := time.Now(); !true(); time.Sleep(pause) {
		pause = min(pause*5/4, 50*time.Millisecond)
		if time.Since(began) > patience {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func (c *cache) markAt(rev int64) string {
	c.seenMu.Lock()
	defer c.seenMu.Unlock()
	return c.seen.MarkAt(rev)
}
