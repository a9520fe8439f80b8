package controller

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/controller/whole"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// quiet is a store of which nothing comes.
type quiet struct{}

func (quiet) Follow(context.Context, store.Handler) error { return nil }

// view is a policy that nothing has come of, with the share that it gives a host.
func view(wake func()) (*whole.Policy, *share.Held) {
	w, h := whole.New(quiet{}, ""), share.New("", wake, nil)
	_ = w.Follow(context.Background(), h)
	return w, h
}

func batch(rev int64, full bool, changes ...secgroup.Change) store.Batch {
	if full {
		return store.Batch{Revision: rev, Full: policytest.LoadAt(rev, changes)}
	}
	return store.Batch{Revision: rev, Changes: changes}
}

// TestViewTake: whoever takes gets everything since the last time, once, and a
// compile that lasts keeps nobody from reading.
func TestViewTake(t *testing.T) {
	t.Parallel()
	woken := 0
	w, h := view(func() { woken++ })
	w.Plug(nil, true)
	if _, ok := h.Take(func(*span.Share, share.Changes) { t.Error("called with nothing") }); ok {
		t.Error("there is a policy before one was read")
	}
	handle := func(b store.Batch) {
		t.Helper()
		if err := w.Handle(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	p := small.New()
	handle(batch(3, true, append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.Attach("web", "a1")))...))
	w.Plug(map[string]bool{"a1": true, "a2": true, "a3": true}, true)
	at, ok := h.Take(func(s *span.Share, ch share.Changes) {
		if !ch.Share.Full || !ch.Loss.All || s.NICs["a1"].Record == nil {
			t.Errorf("the first time: %+v", ch)
		}
	})
	if at.Revision != 3 || !ok || woken != 2 { // by the policy, and by what was plugged
		t.Errorf("revision %d, %v, woken %d times", at.Revision, ok, woken)
	}
	handle(batch(4, false, secgroup.Put(small.NIC(2))))
	handle(batch(6, false, p.Rule("web", "r", secgroup.Ingress, "tcp", 80, "")))
	h.Read(func(p share.Policy) {
		if p.NIC("a2") == nil || p.NIC("a3") != nil || !p.Knows("a3") || p.Knows("a4") {
			t.Error("it does not say what the host has to know")
		}
	})
	inside, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var late sync.WaitGroup
	go func() {
		defer close(done)
		at, _ := h.Take(func(s *span.Share, ch share.Changes) {
			close(inside)
			<-release
			d := ch.Share
			if d.Full || d.NICs["a2"] == nil || d.Groups[small.Ref("web")] == nil || s.Groups[small.Ref("web")].Rule("r") == nil {
				t.Errorf("the second time: %+v", ch)
			}
			if s.NICs["a3"].Record != nil {
				t.Error("the policy changes while it is compiled")
			}
		})
		if at.Revision != 6 {
			t.Errorf("revision %d", at.Revision)
		}
	}()
	<-inside
	late.Go(func() { handle(batch(7, false, secgroup.Put(small.NIC(3)))) }) // waits for its turn
	time.Sleep(10 * time.Millisecond)                                       // that it waits cannot be seen; if it does not yet, the reader only has it easier
	read := false
	h.Read(func(share.Policy) { read = true })
	if !read {
		t.Error("not read")
	}
	close(release)
	<-done
	late.Wait()
	w.Plug(map[string]bool{"a1": false}, false)
	h.Take(func(s *span.Share, ch share.Changes) {
		_, a1 := s.NICs["a1"]
		web, told := ch.Share.Groups[small.Ref("web")]
		if a1 || len(ch.Share.NICs) != 2 || len(ch.Share.Groups) != 1 || !told || web != nil || s.NICs["a3"].Record == nil {
			t.Errorf("the third time: %+v", ch)
		}
	})
}

// TestViewReadAnew: of a policy that takes the place of another one it is known
// which NICs were not filtered before, also of changes that nobody took.
func TestViewReadAnew(t *testing.T) {
	t.Parallel()
	p := small.New()
	w, h := view(func() {})
	handle := func(b store.Batch) {
		t.Helper()
		if err := w.Handle(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	all := func(rev int64, off ...int) store.Batch {
		changes := p.Base()
		for n := range 4 {
			one := small.NIC(n + 1)
			if slices.Contains(off, n+1) {
				one.Enforcement = secgroup.EnforcementOff
			}
			changes = append(changes, secgroup.Put(one))
		}
		return batch(rev, true, changes...)
	}
	filtered := func() (ids []string) {
		h.Take(func(_ *span.Share, ch share.Changes) { ids = slices.Sorted(maps.Keys(ch.Loss.Filtered)) })
		return ids
	}
	w.Plug(map[string]bool{"a1": true, "a2": true, "a3": true, "a4": true}, true)
	handle(all(9, 1, 2, 3))
	if ids := filtered(); ids != nil {
		t.Errorf("the first time: %v", ids)
	}
	handle(batch(10, false, secgroup.Put(small.NIC(1)))) // nobody takes this
	handle(all(8, 3))
	if ids := filtered(); !slices.Equal(ids, []string{"a1", "a2"}) {
		t.Errorf("filtered anew: %v", ids)
	}
	handle(all(8, 3))
	if ids := filtered(); ids != nil {
		t.Errorf("the same again: %v", ids)
	}
}
