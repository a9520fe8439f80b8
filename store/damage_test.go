package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// TestForeignWritesAreSeen takes what etcdctl writes like a mutation, and does
// not overwrite it unseen.
func TestForeignWritesAreSeen(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a"), group("a", "g")))
		planned := 0
		mustUpdate(t, s, func(snap *snapshot) (changes, error) {
			g := *snap.Group(groupRef("a", "g"))
			if planned++; planned == 1 {
				if _, err := s.link.Client.Put(t.Context(), s.link.Keys.Policy()+"groups/a/g", `{"v":1,"name":"foreign","egress":"auto","scope":"any"}`); err != nil {
					return nil, err
				}
			}
			g.Description = "ours"
			return put(&g)(snap)
		})
		if g := read(t, s, func(s *snapshot) string { return s.Group(groupRef("a", "g")).Name }); g != "foreign" || planned != 2 {
			t.Errorf("the group is named %q after %d plans, want the foreign name after 2", g, planned)
		}
	})
}

// TestContradictionIsNamed fails a write that can never work with the key that
// stands in its way, instead of trying for ever.
func TestContradictionIsNamed(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a"), network("n1")))
		if _, err := s.link.Client.Put(t.Context(), s.link.Keys.Prefix+"address/provider/10.0.0.1", "ghost"); err != nil {
			t.Fatal(err)
		}
		_, err := s.Update(within(t, patience), put(nic("x", "a", "n1", "10.0.0.1")))
		if err == nil || !strings.Contains(err.Error(), "ghost") {
			t.Errorf("Update: %v, want the stray key named", err)
		}
		for name, plan := range map[string]func(*snapshot) (changes, error){
			"network":        put(nic("x", "a", "none", "10.0.0.2")),
			"have 10.0.0.2":  put(nic("x", "a", "n1", "10.0.0.2"), nic("y", "a", "n1", "10.0.0.2")),
			"two changes of": put(account("b"), account("b")),
		} {
			if _, err := s.Update(within(t, patience), plan); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("Update: %v, want an error with %q", err, name)
			}
		}
	})
}

// TestAnotherStoreInItsPlace loads everything anew when etcd comes back
// without what it had: from a backup, or empty.
func TestAnotherStoreInItsPlace(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		for range 5 {
			mustUpdate(t, s, put(account("a"), group("a", "old")))
		}
		var r recorder
		follow(t, s, &r)
		r.await(t, 1)
		e.stop(t)
		e.wipe(t)
		e.start(t)
		writer := open(t, e.config())
		mustUpdate(t, writer, put(account("b")))
		want := dump(t, writer)
		for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			diff := cmp.Diff(want, r.state()) + cmp.Diff(want, dump(t, s))
			if diff == "" {
				break
			}
			if time.Since(began) > 20*time.Second {
				t.Fatalf("state (-want +got):\n%s", diff)
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if !slices.ContainsFunc(r.batches[1:], func(b Batch) bool { return b.Full != nil }) {
			t.Errorf("batches %+v, want a second full one", r.batches)
		}
	})
}

// TestLostEventsAreNoticed plays a watch that leaves out an event, and one
// that repeats one: neither may pass for the policy's history.
func TestLostEventsAreNoticed(t *testing.T) {
	r := &recorder{}
	keys := record.Layout{Prefix: "/p/"}
	event := func(rev, version int64) []*clientv3.Event {
		return []*clientv3.Event{{Type: clientv3.EventTypePut, Kv: &mvccpb.KeyValue{Key: []byte(keys.Head()), ModRevision: rev, Version: version}}}
	}
	p := &policySink{ctx: t.Context(), keys: keys, handler: r, suspect: -1}
	err := p.Load(func(yield func(*mvccpb.KeyValue) error) error { return yield(event(10, 1)[0].Kv) })
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		rev, version int64
		want         error
	}{{12, 2, nil}, {12, 2, link.ErrRelist}, {11, 3, link.ErrRelist}, {15, 4, link.ErrRelist}, {14, 3, nil}} {
		if err := p.Events(step.rev, event(step.rev, step.version)); err != step.want {
			t.Errorf("mutation %d at revision %d: %v, want %v", step.version, step.rev, err, step.want)
		}
	}
	head := func(version int64) *mvccpb.KeyValue { return &mvccpb.KeyValue{Version: version} }
	for i, step := range []struct {
		version int64
		want    bool
	}{{3, false}, {4, false}, {3, false}, {4, false}, {5, true}} {
		if got := p.Behind(head(step.version)); got != step.want {
			t.Errorf("probe %d: behind = %v, want %v", i, got, step.want)
		}
	}
}
