package megaflow

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringfence/ringfence/openflow/ofconn"
)

// fakeRevalidators end a pass at once, and note what is asked of them.
type fakeRevalidators struct{ asked []string }

func (f *fakeRevalidators) AwaitTurn(context.Context) error {
	f.asked = append(f.asked, "turn")
	return nil
}

func (f *fakeRevalidators) AwaitPass(context.Context) error {
	f.asked = append(f.asked, "pass")
	return nil
}

func (f *fakeRevalidators) PurgeMegaflows(context.Context) error {
	f.asked = append(f.asked, "purge")
	return nil
}

// What a switch may have left as it was is purged, after the pass and no more
// often than the switch can cache it again; of other switches nothing is.
func TestMisplacedMegaflowsArePurged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeRevalidators{}
		cache := NewCache(nil, nil, nil)
		cache.flows.Store(20000)
		s := &Settler{log: slog.New(slog.DiscardHandler), ctl: f, conn: func() *ofconn.Conn { return nil }, cache: cache}
		settle := func() time.Duration {
			t.Helper()
			start := time.Now()
			if err := s.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		passes := []string{"turn", "pass", "pass", "pass"} // no connection: nothing proves that they know after two
		settle()
		if want := passes; !slices.Equal(f.asked, want) {
			t.Errorf("asked for %v, want %v", f.asked, want)
		}
		cache.Misplaces(true)
		first, second := settle(), settle()
		if want := slices.Concat(passes, passes, []string{"purge"}, passes, []string{"purge"}); !slices.Equal(f.asked, want) {
			t.Errorf("asked for %v, want %v", f.asked, want)
		}
		if first != 0 || second != 20000*purgeCost {
			t.Errorf("the first purge waits for %v, the second for %v", first, second)
		}
	})
}
