package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/secgroup"
)

func TestObserveSeesEachBatchWithThePolicyBeforeIt(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		type seen struct {
			before, after int64
			had           bool
		}
		var all []seen
		stop := s.Observe(func(before *secgroup.Snapshot, b Batch) {
			if !b.Full {
				all = append(all, seen{before.Revision(), b.Revision, before.Account("a") != nil})
			}
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
