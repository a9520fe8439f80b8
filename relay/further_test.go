package relay

import (
	"log/slog"
	"testing"

	"github.com/ringfence/ringfence/internal/hostsim"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// TestNICByNIC: a host of which some NICs are behind is behind as a whole, and the
// others are as far as it says; of what it was not sent, or what has lapsed, nothing is.
func TestNICByNIC(t *testing.T) {
	t.Parallel()
	b := &board{seats: map[string]string{}, elsewhere: map[string]bool{}, reports: map[string]store.HostStatus{}}
	s := serveFor(t, Config{Board: b, Logger: slog.New(slog.DiscardHandler)})
	s.restore(1, town()...)
	h := s.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1", "n2"}, Applied: func(*span.Share, *wire.Delta) bool { return false }})
	says := func(a *wire.Applied) {
		t.Helper()
		if err := h.Send(&wire.FromHost{Kind: &wire.FromHost_Applied{Applied: a}}); err != nil {
			t.Fatal(err)
		}
	}
	stands := func(what string, at int64, want store.Further) {
		t.Helper()
		b.until(t, what, func() bool {
			is, behind := b.standing.Behind["h1"]
			f := b.standing.Further["h1"]
			return (behind && is == at || !behind && at == b.standing.Revision) && f.Same(want)
		})
	}
	wait(t, h, "its share", func(s hostsim.Seen) bool { return s.Number == 1 })
	says(&wire.Applied{Delta: 1})
	stands("all of it", 1, store.Further{})
	one := s.write(ruled("gn1", 81))
	wait(t, h, "a change", func(s hostsim.Seen) bool { return s.Number == 2 })
	two := s.write(ruled("gn2", 82))
	wait(t, h, "another", func(s hostsim.Seen) bool { return s.Number == 3 })
	s.write(ruled("gnobody", 83))
	three := s.write(ruled("gn1", 84))
	wait(t, h, "a third", func(s hostsim.Seen) bool { return s.Number == 4 })
	stands("nothing of these", one-1, store.Further{})
	says(&wire.Applied{Delta: 1, Latest: 3, Behind: []*wire.NICApplied{{Nic: "n1", Delta: 1}, {Nic: "n2", Delta: 2}}})
	stands("one NIC is held up", one-1, store.Further{Latest: three - 1, Behind: map[string]int64{"n1": one - 1, "n2": two - 1}})
	says(&wire.Applied{Delta: 2, Latest: 4, Behind: []*wire.NICApplied{{Nic: "n1", Delta: 0}}})
	stands("it goes on", two-1, store.Further{Latest: three, Behind: map[string]int64{"n1": two - 1}})
	if err := h.Send(&wire.FromHost{Kind: &wire.FromHost_Status{Status: &wire.Status{Lapsed: true}}}); err != nil {
		t.Fatal(err)
	}
	stands("the switch is away", 0, store.Further{})
	if err := h.Send(&wire.FromHost{Kind: &wire.FromHost_Status{Status: &wire.Status{Connected: true}}}); err != nil {
		t.Fatal(err)
	}
	stands("and back", two-1, store.Further{Latest: three, Behind: map[string]int64{"n1": two - 1}})
	says(&wire.Applied{Delta: 2, Latest: 99})
	stands("it was not sent that", two-1, store.Further{})
	says(&wire.Applied{Delta: 2, Latest: 4})
	stands("no NIC is behind the latest", two-1, store.Further{Latest: three})
	// Another history: what was said of the one before counts for nothing, also later.
	s.restore(three+10, town()...)
	wait(t, h, "all of another history", func(s hostsim.Seen) bool { return s.Number == 5 && s.Last.Full })
	says(&wire.Applied{Delta: 2, Latest: 4})
	stands("nothing of it", 0, store.Further{})
	says(&wire.Applied{Delta: 5})
	stands("it is applied", three+10, store.Further{})
}
