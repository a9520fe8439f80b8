package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/secgroup"
)

func TestObserveSeesThePolicyBeforeAndAfterEachBatch(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		type seen struct {
			before, after int64
			had           bool
		}
		var all []seen
		stop := s.Observe(func(before, after *secgroup.Snapshot, b Batch) func() {
			if b.Full == nil {
				all = append(all, seen{before.Revision(), after.Revision(), before.Account("a") != nil})
			}
			return nil
		})
		r0 := read(t, s, (*snapshot).Revision)
		r1 := mustUpdate(t, s, put(account("a")))
		r2 := mustUpdate(t, s, put(account("b")))
		stop()
		mustUpdate(t, s, put(account("c")))
		want := []seen{{r0, r1, false}, {r1, r2, true}}
		if diff := cmp.Diff(want, all, cmp.AllowUnexported(seen{})); diff != "" {
			t.Error(diff)
		}
	})
}

// TestReadsGoOnWhileObserversCompute: an observer that takes its time holds up
// nobody, and what it has computed is there with the batch.
func TestReadsGoOnWhileObserversCompute(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a")))
		began, goOn, applied := make(chan struct{}), make(chan struct{}), false
		t.Cleanup(s.Observe(func(_, _ *secgroup.Snapshot, _ Batch) func() {
			close(began)
			<-goOn
			return func() { applied = true }
		}))
		wrote := make(chan error, 1)
		go func() {
			_, err := s.Update(within(t, time.Minute), put(account("b")))
			wrote <- err
		}()
		<-began
		read := make(chan bool, 1)
		go func() {
			_ = s.Read(within(t, time.Minute), func(snap *secgroup.Snapshot) error { // it is loaded
				read <- snap.Account("b") == nil && !applied
				return nil
			})
		}()
		select {
		case before := <-read:
			if !before {
				t.Error("a read sees a batch that is not applied")
			}
		case <-time.After(20 * time.Second):
			t.Error("a read waits for an observer")
		}
		close(goOn)
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		if err := s.Read(within(t, time.Minute), func(snap *secgroup.Snapshot) error {
			if snap.Account("b") == nil || !applied {
				t.Error("a read does not see what was applied")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
}
