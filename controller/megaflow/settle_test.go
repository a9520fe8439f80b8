package megaflow

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringfence/ringfence/openflow/wire"
)

// fakeSwitch ends a pass at once, and notes what is asked of it.
type fakeSwitch struct {
	mu       sync.Mutex
	asked    []string
	changes  uint64
	underWay bool
}

func (f *fakeSwitch) note(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, what)
	return nil
}

// took returns what was asked since it was called last.
func (f *fakeSwitch) took() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.asked
	f.asked = nil
	return out
}

func (f *fakeSwitch) AwaitTurn(context.Context) error              { return f.note("turn") }
func (f *fakeSwitch) AwaitPass(context.Context) error              { return f.note("pass") }
func (f *fakeSwitch) PurgeMegaflows(context.Context) error         { return f.note("purge") }
func (f *fakeSwitch) Apply(context.Context, ...wire.Message) error { return nil }
func (f *fakeSwitch) Changes() (uint64, bool)                      { return f.changes, !f.underWay }

func (f *fakeSwitch) settler() *Settler {
	return &Settler{log: slog.New(slog.DiscardHandler), ctl: f, conn: func() tables { return f }, cache: NewCache(nil, nil, nil), quiescence: newRest()}
}

// How a settle waits on each kind of switch: two passes prove it where megaflows are
// put right, and nothing is purged there.
func TestPassesAreAwaited(t *testing.T) {
	t.Parallel()
	f := &fakeSwitch{}
	s := f.settler()
	for _, c := range []Change{Widened, Narrowed} {
		if err := s.Settle(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if got, want := f.took(), []string{"turn", "pass", "pass"}; !slices.Equal(got, want) {
			t.Errorf("narrowed %v: asked for %v, want %v", c, got, want)
		}
	}
	s.conn = func() tables { return nil } // nothing proves that they know after two
	if err := s.Settle(t.Context(), Narrowed); err != nil {
		t.Fatal(err)
	}
	if got, want := f.took(), []string{"turn", "pass", "pass", "pass"}; !slices.Equal(got, want) {
		t.Errorf("asked for %v, want %v", got, want)
	}
}

// What a switch may have left as it was is purged, no more often than the switch can
// cache it again, and not while a revalidator may hold what it made of the tables of
// before: only behind a pass, unless one ended after the purge before, and there was
// one change since, which takes nothing away.
func TestMisplacedMegaflowsArePurged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSwitch{}
		s := f.settler()
		s.cache.Misplaces(true)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		atOnce, behind := []string{"purge"}, []string{"pass", "purge"}
		settle := func(what string, c Change, want []string) {
			t.Helper()
			if err := s.Settle(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if got := f.took(); !slices.Equal(got, want) {
				t.Errorf("%s: asked for %v, want %v", what, got, want)
			}
		}
		rest := func() {
			time.Sleep(time.Second)
			if got := f.took(); !slices.Equal(got, []string{"pass"}) {
				t.Errorf("after a purge: asked for %v", got)
			}
		}
		f.changes = 10
		settle("nothing is known", Widened, behind)
		rest()
		f.changes++
		settle("one change", Widened, atOnce)
		f.changes++
		settle("one change, but no pass since the purge", Widened, behind)
		rest()
		f.changes++
		settle("something passes no more", Narrowed, behind)
		rest()
		f.changes += 2
		settle("two changes", Widened, behind)
		rest()
		f.changes++
		f.underWay = true // which may be another one than what is settled
		settle("a change is not answered", Widened, behind)
		time.Sleep(time.Second)
		if got := f.took(); len(got) > 0 {
			t.Errorf("nothing is proven by a pass then: asked for %v", got)
		}
		f.underWay = false
		settle("the same change", Widened, atOnce)
		rest()
		other := &fakeSwitch{changes: f.changes + 1}
		s.conn = func() tables { return other }
		settle("another connection", Widened, behind)
		rest()

		s.cache.flows.Store(20000)
		start := time.Now()
		settle("of many", Narrowed, behind)
		first := time.Since(start)
		settle("again", Narrowed, []string{"pass", "pass", "purge"}) // one is of the purge before
		if second := time.Since(start); first != 0 || second != 20000*purgeCost {
			t.Errorf("the first purge waits for %v, the second for %v", first, second)
		}
		cancel()
		<-done
	})
}
