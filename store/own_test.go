package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
)

// besideItsWatch opens a store that writes to etcd directly and follows it by a wire,
// and records what its cache was handed, for the time of the test.
func besideItsWatch(t *testing.T, e testEtcd) (*Store, *proxy, *recorder) {
	t.Helper()
	wired, wire := via(t, patient(e.config())) // held up, and not lost
	s := open(t, wired)
	r := observe(t, s)
	waitUntil(t, "the store watches, and has not only listed", func() bool { return !s.Condition().Lost() })
	s.link.Client.KV = direct(t, e.config()).KV
	return s, wire, r
}

// observe records what a store's cache is handed from now on.
func observe(t *testing.T, s *Store) *recorder {
	t.Helper()
	r := &recorder{snap: read(t, s, func(s *snapshot) *snapshot { return s })}
	t.Cleanup(s.Observe(func(_, _ *snapshot, b Batch) func() {
		return func() { _ = r.Handle(t.Context(), b) } // a recorder without a fault
	}))
	return r
}

// wantHanded wants batches for some revisions, each one once and in order.
func wantHanded(t *testing.T, r *recorder, revs []int64) {
	t.Helper()
	revs = slices.Compact(slices.Sorted(slices.Values(revs))) // writes of one moment may share one
	var got []int64
	for _, b := range r.await(t, revs[len(revs)-1]) {
		if b.Revision >= revs[0] { // it began to look before
			got = append(got, b.Revision)
		}
	}
	if diff := cmp.Diff(revs, got); diff != "" {
		t.Errorf("revisions of the batches (-written +got):\n%s", diff)
	}
}

func direct(t *testing.T, cfg Config) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: cfg.Endpoints[:1], TLS: cfg.TLS})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// A write is there when it is acknowledged, though the watch tells of nothing; and when
// the watch tells of it, it is not handed on again.
func TestAWriteDoesNotWaitForItsWatch(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s, wire, r := besideItsWatch(t, e)
		mustUpdate(t, s, put(account("a"), network("n1")))
		wire.hold()
		var revs []int64
		for i := range 5 {
			revs = append(revs, mustUpdate(t, s, put(group("a", "g", rule(fmt.Sprint(i))), nic(fmt.Sprint(i), "a", "n1"))))
			g := read(t, s, func(s *snapshot) *secgroup.Group { return s.Group(groupRef("a", "g")) })
			if g == nil || g.Revision != revs[i] || g.Rules[0].ID != fmt.Sprint(i) {
				t.Fatalf("after revision %d the group is %+v", revs[i], g)
			}
		}
		revs = append(revs, mustUpdate(t, s, drop(secgroup.NICKey("1"))))
		if read(t, s, func(s *snapshot) bool { return s.NIC("1") != nil }) {
			t.Error("a NIC is there after it was deleted")
		}
		wire.mend()
		other := open(t, e.config())
		revs = append(revs, mustUpdate(t, other, put(account("b"))))
		wantHanded(t, r, revs)
		if diff := cmp.Diff(dump(t, other), dump(t, s)); diff != "" {
			t.Errorf("the cache (-etcd +cache):\n%s", diff)
		}
	})
}

// A write that does not follow on what the cache has waits until what lies between has
// come, and is handed on after it.
func TestAWriteWaitsForWhatLiesBetween(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s, wire, r := besideItsWatch(t, e)
		mustUpdate(t, s, put(account("a"), account("b")))
		other := open(t, e.config())
		at := read(t, other, (*snapshot).Revision)
		wire.hold()
		between := mustUpdate(t, other, put(group("b", "theirs")))
		made := make(chan int64, 1)
		go func() { made <- mustUpdate(t, s, put(group("a", "mine"))) }()
		waitUntil(t, "the write is in etcd", func() bool {
			return read(t, other, func(s *snapshot) bool { return s.Group(groupRef("a", "mine")) != nil })
		})
		select {
		case rev := <-made:
			t.Errorf("revision %d was acknowledged before revision %d was seen", rev, between)
		case <-time.After(50 * time.Millisecond): // nothing tells that it waits
		}
		if now := read(t, s, (*snapshot).Revision); now != at {
			t.Errorf("the cache is at revision %d, want %d", now, at)
		}
		wire.mend()
		rev := <-made
		wantHanded(t, r, []int64{between, rev})
	})
}

// Other hands than a store's leave the head alone, so that nobody knows of their write
// until the watch tells of it: late, and then all is listed.
func TestAWriteAfterOneOfOtherHands(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s, wire, r := besideItsWatch(t, e)
		mustUpdate(t, s, put(account("a")))
		wire.hold()
		key, err := s.link.Keys.Object(group("a", "theirs").Key())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := direct(t, e.config()).Put(t.Context(), key, `{"v":1,"name":"theirs"}`); err != nil {
			t.Fatal(err)
		}
		rev := mustUpdate(t, s, put(group("a", "mine")))
		wire.mend()
		r.await(t, rev)
		waitUntil(t, "the cache has both", func() bool {
			if c := s.Condition(); c.Lost() {
				t.Fatalf("a store that lists again says %v: %v", c.Kind, c.Cause)
			}
			return read(t, s, func(s *snapshot) bool {
				return s.Group(groupRef("a", "mine")) != nil && s.Group(groupRef("a", "theirs")) != nil
			})
		})
		if s.Generation() != 1 {
			t.Errorf("the store is in its history number %d", s.Generation())
		}
		mustUpdate(t, s, put(group("a", "mine", rule("r"))))
		if diff := cmp.Diff(dump(t, open(t, e.config())), dump(t, s)); diff != "" {
			t.Errorf("the cache (-etcd +cache):\n%s", diff)
		}
	})
}

// Writes that were handed on before the watch told of them, and that etcd lost when it
// was restored, are lost here too, whatever was written instead.
func TestOwnWritesThatAreLost(t *testing.T) {
	for _, again := range []int{0, 1, 5} {
		t.Run(fmt.Sprintf("%d new", again), func(t *testing.T) {
			withEtcd(t, func(t *testing.T, e testEtcd) {
				mustUpdate(t, open(t, e.config()), put(account("a")))
				e.save(t)
				s, wire, r := besideItsWatch(t, e)
				wire.hold()
				for i := range 3 {
					mustUpdate(t, s, put(group("a", fmt.Sprint("lost-", i))))
				}
				e.stop(t)
				e.restore(t, false)
				e.start(t)
				other := open(t, e.config())
				for i := range again {
					mustUpdate(t, other, put(group("a", fmt.Sprint("new-", i))))
				}
				wire.mend()
				want := dump(t, other)
				waitUntil(t, "the cache is what is there", func() bool { return cmp.Equal(want, dump(t, s)) })
				r.mu.Lock()
				defer r.mu.Unlock()
				if last := r.batches[len(r.batches)-1]; s.Generation() != 2 || !slices.ContainsFunc(r.batches, func(b Batch) bool { return b.Full != nil && b.Broken }) {
					t.Errorf("history number %d, the last batch is of revision %d, full %v, broken %v", s.Generation(), last.Revision, last.Full != nil, last.Broken)
				}
			})
		})
	}
}

// What a record says that this version does not know goes along with writes that follow
// on each other before the watch tells of any.
func TestOwnWritesKeepWhatIsUnknown(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s, wire, _ := besideItsWatch(t, e)
		mustUpdate(t, s, put(account("a")))
		key, err := s.link.Keys.Object(group("a", "g").Key())
		if err != nil {
			t.Fatal(err)
		}
		c := direct(t, e.config())
		if _, err := c.Put(t.Context(), key, `{"v":1,"name":"g","egress":"auto","scope":"any","shade":{"of":"blue"}}`); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the group is there", func() bool {
			return read(t, s, func(s *snapshot) bool { return s.Group(groupRef("a", "g")) != nil })
		})
		wire.hold()
		for i := range 3 {
			mustUpdate(t, s, put(group("a", "g", rule(fmt.Sprint(i)))))
		}
		r, err := c.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		var has struct {
			Shade json.RawMessage
			Rules []struct{ ID string }
		}
		if err := json.Unmarshal(r.Kvs[0].Value, &has); err != nil || string(has.Shade) != `{"of":"blue"}` || len(has.Rules) != 1 || has.Rules[0].ID != "2" {
			t.Errorf("the record is %s", r.Kvs[0].Value)
		}
	})
}

// Several goroutines of two stores write at once: each reads what it was acknowledged
// from its own store, and both caches are handed every revision once and in order.
func TestEveryoneReadsWhatTheyWrote(t *testing.T) {
	const writers, each = 4, 150
	withEtcd(t, func(t *testing.T, e testEtcd) {
		stores := []*Store{open(t, e.config()), open(t, e.config())}
		mustUpdate(t, stores[0], put(account("a0"), account("a1"), account("a2"), account("a3"), network("n1")))
		var records []*recorder
		for _, s := range stores {
			records = append(records, observe(t, s))
		}
		var wg sync.WaitGroup
		revs := make([][]int64, len(stores)*writers)
		for w := range revs {
			s := stores[w%len(stores)]
			wg.Go(func() {
				for i := range each {
					id := fmt.Sprintf("g%d", w)
					rev, err := s.Update(within(t, time.Minute), put(group(fmt.Sprintf("a%d", w%writers), id, rule(fmt.Sprint(i)))))
					if err != nil {
						t.Error(err)
						return
					}
					revs[w] = append(revs[w], rev)
					g := read(t, s, func(s *snapshot) *secgroup.Group { return s.Group(groupRef(fmt.Sprintf("a%d", w%writers), id)) })
					if g == nil || g.Revision != rev || g.Rules[0].ID != fmt.Sprint(i) {
						t.Errorf("after revision %d the group is %+v", rev, g)
						return
					}
				}
			})
		}
		wg.Wait()
		all := slices.Concat(revs...)
		want := dump(t, open(t, e.config()))
		for i, s := range stores {
			wantHanded(t, records[i], all)
			if diff := cmp.Diff(want, dump(t, s)); diff != "" {
				t.Errorf("store %d's cache (-etcd +cache):\n%s", i, diff)
			}
		}
	})
}
