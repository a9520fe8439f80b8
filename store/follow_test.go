package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/connectivity"

	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/secgroup"
)

// scribble is a plan that changes a few objects of a small world at random.
func scribble(r *rand.Rand) func(*snapshot) (changes, error) {
	return func(s *snapshot) (changes, error) {
		byKey := map[secgroup.Key]secgroup.Change{}
		for range 1 + r.IntN(3) {
			a := fmt.Sprintf("a%d", r.IntN(3))
			g := group(a, fmt.Sprintf("g%d", r.IntN(4)), rule(fmt.Sprintf("r%d", r.IntN(100))))
			n := nic(fmt.Sprintf("%s-nic%d", a, r.IntN(20)), a, "n1")
			var c secgroup.Change
			switch r.IntN(5) {
			case 0:
				c = secgroup.Put(g)
			case 1:
				c = secgroup.Delete(g.Key())
			case 2:
				n.Enforcement = []secgroup.Enforcement{secgroup.EnforcementOn, secgroup.EnforcementOff}[r.IntN(2)]
				c = secgroup.Put(n)
			case 3:
				c = secgroup.Delete(n.Key())
			case 4:
				at := &secgroup.Attachment{Group: g.GroupRef, NIC: n.ID}
				if c = secgroup.Put(at); s.HasAttachment(*at) {
					c = secgroup.Delete(at.Key())
				}
			}
			byKey[c.Key] = c
		}
		var all changes
		for _, c := range byKey {
			all = append(all, c)
		}
		return all, nil
	}
}

// checkHistory wants batches to begin full and then to be one for each of
// revs after it, besides those without changes.
func checkHistory(t *testing.T, batches []Batch, revs []int64) {
	t.Helper()
	if batches[0].Full == nil {
		t.Error("the first batch is not full")
	}
	var got []int64
	for _, b := range batches[1:] {
		if b.Full != nil {
			t.Errorf("the batch of revision %d is full", b.Revision)
		}
		got = append(got, b.Revision)
	}
	revs = slices.Compact(slices.Sorted(slices.Values(revs)))
	at, _ := slices.BinarySearch(revs, batches[0].Revision+1)
	if diff := cmp.Diff(revs[at:], got); diff != "" {
		t.Errorf("revisions of the batches (-written +got):\n%s", diff)
	}
}

// TestFollowMissesNothing makes thousands of random changes from several
// writers, while one follower looks on undisturbed and others are cut off
// again and again.
func TestFollowMissesNothing(t *testing.T) {
	const writers = 4
	each := repeats(500, 100)
	withEtcd(t, func(t *testing.T, e testEtcd) {
		writer := open(t, e.config())
		mustUpdate(t, writer, put(account("a0"), account("a1"), account("a2"), network("n1")))
		wired, wire := via(t, e.config())
		var calm, cut recorder
		follow(t, open(t, e.config()), &calm)
		follow(t, open(t, wired), &cut)
		calm.await(t, 1)
		cut.await(t, 1)

		var wg sync.WaitGroup
		revs := make([][]int64, writers)
		for w := range writers {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(w), 1))
				for range each {
					rev, err := writer.Update(within(t, time.Minute), scribble(r))
					if err != nil {
						t.Error(err)
						return
					}
					revs[w] = append(revs[w], rev)
				}
			})
		}
		stop := make(chan struct{})
		var troubles sync.WaitGroup
		troubles.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(50 * time.Millisecond):
					wire.cut()
				}
				time.Sleep(20 * time.Millisecond) // it is away for so long
				wire.mend()
			}
		})
		wg.Wait()
		close(stop)
		troubles.Wait()

		all := slices.Concat(revs...)
		want := dump(t, open(t, e.config()))
		for name, r := range map[string]*recorder{"calm": &calm, "cut off": &cut} {
			batches := r.await(t, slices.Max(all))
			checkHistory(t, batches, all)
			if diff := cmp.Diff(want, r.state()); diff != "" {
				t.Errorf("the %s follower's state (-etcd +follower):\n%s", name, diff)
			}
		}
		if diff := cmp.Diff(want, dump(t, writer)); diff != "" {
			t.Errorf("the writer's cache (-etcd +cache):\n%s", diff)
		}
	})
}

// compact drops etcd's history before now.
func compact(t *testing.T, cfg Config) {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: cfg.Endpoints[:1], TLS: cfg.TLS})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := within(t, patience)
	r, err := c.Get(ctx, "none")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Compact(ctx, r.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
}

// TestFollowOverCompaction cuts followers off, changes the policy, and has
// etcd forget what they missed.
func TestFollowOverCompaction(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		writer := open(t, e.config())
		attached := &secgroup.Attachment{Group: groupRef("a", "g"), NIC: "keep"}
		first := mustUpdate(t, writer, put(account("a"), network("n1"), group("a", "g"), group("a", "same"), nic("keep", "a", "n1"), nic("leave", "a", "n1"), attached))
		wired, wire := via(t, e.config())
		var r recorder
		forgetful := recorder{forgets: true}
		follow(t, open(t, wired), &r)
		follow(t, open(t, wired), &forgetful)
		r.await(t, first)
		forgetful.await(t, first)

		wire.cut()
		mustUpdate(t, writer, put(group("a", "g", rule("r1")), group("a", "new")))
		mustUpdate(t, writer, put(nic("come", "a", "n1")))
		mustUpdate(t, writer, drop(attached.Key()))
		last := mustUpdate(t, writer, drop(secgroup.NICKey("leave")))
		compact(t, e.config())
		wire.mend()

		batches := r.await(t, last)
		if len(batches) != 2 {
			t.Fatalf("%d batches, want a full one and the difference", len(batches))
		}
		var changed []string
		for _, c := range batches[1].Changes {
			changed = append(changed, fmt.Sprintf("%v %s%s %v", c.Key.Kind, c.Key.ID, c.Key.NIC, c.Object != nil))
		}
		slices.Sort(changed)
		want := []string{"attachment gkeep false", "nic come true", "nic leave false", "security-group g true", "security-group new true"}
		if diff := cmp.Diff(want, changed); diff != "" || batches[1].Full != nil || batches[1].Revision != last {
			t.Errorf("the difference is full=%v at revision %d, want false at %d (-want +got):\n%s", batches[1].Full != nil, batches[1].Revision, last, diff)
		}
		if diff := cmp.Diff(dump(t, writer), r.state()); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
		if b := forgetful.await(t, last); len(b) != 2 || b[1].Full == nil {
			t.Errorf("a follower without state got %d batches, want two full ones", len(b))
		}
		next := mustUpdate(t, writer, put(group("a", "after")))
		if b := r.await(t, next); len(b) != 3 {
			t.Errorf("%d batches after one more write, want 3", len(b))
		}
	})
}

// TestFollowOverRestart stops etcd, by SIGKILL where it is a process, and
// starts it again on the same data.
func TestFollowOverRestart(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		first := mustUpdate(t, s, put(account("a"), group("a", "g")))
		var r recorder
		follow(t, s, &r)
		r.await(t, first)
		e.stop(t)
		awaitStale(t, s, true)
		awaitUnconnected(t, s)
		slowness.Within(t, 2*time.Second, "Update without etcd", func() {
			if _, err := s.Update(within(t, patience), put(group("a", "h"))); !errors.Is(err, ErrUnavailable) {
				t.Errorf("Update without etcd: %v, want ErrUnavailable", err)
			}
		})
		if read(t, s, func(s *snapshot) *secgroup.Group { return s.Group(groupRef("a", "g")) }) == nil {
			t.Error("Read without etcd: the group is gone")
		}
		if err := s.PutHost(within(t, time.Second), HostStatus{Host: "h"}); !errors.Is(err, ErrUnavailable) {
			t.Errorf("PutHost without etcd: %v, want ErrUnavailable", err)
		}
		fresh := open(t, s.link.Config)
		if err := fresh.Read(within(t, patience), func(*snapshot) error { return nil }); !errors.Is(err, ErrUnavailable) {
			t.Errorf("first Read without etcd: %v, want ErrUnavailable", err)
		}
		e.start(t)
		awaitStale(t, s, false)
		last := mustUpdate(t, s, put(group("a", "h")))
		checkHistory(t, r.await(t, last), []int64{first, last})
		if err := fresh.Sync(within(t, patience)); err != nil {
			t.Error(err)
		}
		if err := fresh.cache().reach(within(t, patience), Write{Revision: last}); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(dump(t, fresh), r.state()); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
	})
}

func awaitStale(t *testing.T, s *Store, want bool) {
	t.Helper()
	for began := time.Now(); time.Since(began) < patience; time.Sleep(5 * time.Millisecond) {
		if _, stale := s.Stale(); stale == want {
			return
		}
	}
	t.Fatalf("Stale did not become %v", want)
}

// awaitUnconnected waits until the connection that writes has noticed, too, that etcd is away.
func awaitUnconnected(t *testing.T, s *Store) {
	t.Helper()
	ctx := within(t, patience)
	conn := s.link.Client.ActiveConnection()
	for state := conn.GetState(); state == connectivity.Ready; state = conn.GetState() {
		if !conn.WaitForStateChange(ctx, state) {
			t.Fatal("the connection that writes does not notice that etcd is away")
		}
	}
}

// TestSilentLossIsNoticed holds up the wire: no end is told, as when a machine
// or a network goes away.
func TestSilentLossIsNoticed(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		writer := open(t, e.config())
		first := mustUpdate(t, writer, put(account("a")))
		wired, wire := via(t, hasty(e.config()))
		s := open(t, wired)
		var r recorder
		follow(t, s, &r)
		r.await(t, first)
		awaitStale(t, s, false)
		wire.hold()
		last := mustUpdate(t, writer, put(group("a", "g")))
		awaitStale(t, s, true)
		wire.mend()
		checkHistory(t, r.await(t, last), []int64{first, last})
		awaitStale(t, s, false)
	})
}

// TestFollowEndsWithItsHandler returns the handler's error as it is.
func TestFollowEndsWithItsHandler(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		fault := errors.New("handler's own")
		if err := s.Follow(within(t, patience), &recorder{fault: fault}); err != fault {
			t.Errorf("Follow returned %v, want %v", err, fault)
		}
		closed := open(t, e.config())
		if err := closed.Close(); err != nil {
			t.Error(err)
		}
		if err := closed.Follow(within(t, patience), &recorder{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Follow on a closed store: %v", err)
		}
	})
}
