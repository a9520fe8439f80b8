package relay

import (
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/hostsim"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// TestEpochs: a host is told which history a revision is of, and of two histories
// never the same.
func TestEpochs(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.written.epochs <- "first"
	s.restore(5, town()...)
	h := s.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1"}})
	said := func(what string, h *hostsim.Host, rev int64, epoch string) {
		t.Helper()
		wait(t, h, what, func(s hostsim.Seen) bool {
			if s.At.GetRevision() != rev {
				return false
			}
			if s.At.GetEpoch() != epoch {
				t.Errorf("%s: epoch %q, want %q", what, s.At.GetEpoch(), epoch)
			}
			return true
		})
	}
	said("its share", h, 5, "first")
	// One that has more of the same epoch than the store has: nobody has noticed that
	// the store was put back, and it is to take this for no older state.
	s.written.mu.Lock()
	s.latest = 5
	s.written.mu.Unlock()
	other := s.host(t, hostsim.Config{Name: "h2", NICs: []string{"n1"}, Has: &wire.Point{Revision: 99, Mark: "mark-99", Epoch: "first"}})
	said("after a loss that nobody noticed", other, 5, "")
	// The relay has noticed, and the store does not tell yet.
	s.restore(3, town()...)
	said("after a loss", h, 3, "")
	rev := s.write(ruled("gn1", 80, 81))
	said("and still", h, rev, "")
	s.written.epochs <- "second"
	for epoch := ""; epoch != "second"; { // it is told with the next change
		rev = s.write(ruled("gn1", 80, uint16(100+s.written.rev)))
		wait(t, h, "a change", func(s hostsim.Seen) bool { epoch = s.At.GetEpoch(); return s.At.GetRevision() == rev })
	}
}

// TestALookAtTheStore: a host asks whether a write is lost that it saw.
func TestALookAtTheStore(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.restore(5, town()...)
	h := s.host(t, hostsim.Config{Name: "h1"})
	for _, c := range []struct {
		seen *wire.Point
		lost bool
		fail bool
	}{
		{&wire.Point{Revision: 5, Mark: "mark-5"}, false, false},
		{&wire.Point{Revision: 5, Mark: "of-another-history"}, true, false},
		{&wire.Point{Revision: 5, Mark: "unknown"}, false, true},
		{&wire.Point{Revision: 5}, false, true},
		{nil, false, true},
	} {
		if got, err := h.Look(soon(t), c.seen); err != nil || got.GetLost() != c.lost || (got.GetError() != "") != c.fail {
			t.Errorf("%v: %v, %v", c.seen, got, err)
		}
	}
}

// TestWhatAHostCountsAndHasLost: that comes to the store with its report, what it only
// counts now and then alone.
func TestWhatAHostCountsAndHasLost(t *testing.T) {
	t.Parallel()
	b := &board{seats: map[string]string{}, elsewhere: map[string]bool{}, reports: map[string]store.HostStatus{}}
	s := serveFor(t, Config{Board: b, Logger: slog.New(slog.DiscardHandler)})
	s.restore(1, town()...)
	h := s.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1"}})
	since := time.Unix(7, 9)
	receipt := ""
	say := func(n uint64, lost ...*wire.Point) {
		t.Helper()
		st := &wire.Status{Connected: true, Lost: lost, Receipt: receipt, Begun: map[string]uint64{"acme": n}, BegunSince: since.UnixNano()}
		if err := h.Send(&wire.FromHost{Kind: &wire.FromHost_Status{Status: st}}); err != nil {
			t.Fatal(err)
		}
	}
	say(3)
	b.until(t, "what it counts", func() bool {
		r := b.reports["h1"]
		return maps.Equal(r.Begun, map[string]uint64{"acme": 3}) && r.BegunSince.Equal(since) && len(r.Lost) == 0
	})
	receipt = "by waiting" // a slow fact, which is not waited with
	say(3)
	b.until(t, "how it knows", func() bool { return b.reports["h1"].Receipt == receipt })
	b.mu.Lock()
	before := b.told["h1"]
	b.mu.Unlock()
	for n := range uint64(50) {
		say(4 + n)
	}
	say(99, &wire.Point{Revision: 8, Mark: "m8"}, &wire.Point{Revision: 9, Mark: "m9"})
	b.until(t, "what is lost", func() bool {
		r := b.reports["h1"]
		return len(r.Lost) == 2 && r.Lost[1] == store.Write{Revision: 9, Mark: "m9"} && r.Begun["acme"] == 99
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.told["h1"] - before; n > 3 { // two more if it took 20 seconds
		t.Errorf("the store was told of a host %d times that had counted 51 times and lost something once", n)
	}
}
