package relay

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/internal/hostsim"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// board is what a relay tells, and whose the names are.
type board struct {
	mu        sync.Mutex
	seats     map[string]string // instances
	elsewhere map[string]bool   // names that this relay has not
	reports   map[string]store.HostStatus
	claims    []store.HostStatus // what took a name
	standing  store.RelayStanding
	early     []string              // whose report named the relay before it said that they are behind
	plugs     map[string]store.Plug // by host/NIC
	last      int64                 // order
	told      map[string]int        // reports by host
	follower  store.PlugHandler
	writes    int
	standings int // writes of how all hosts stand
}

func (b *board) PutHost(_ context.Context, h store.HostStatus) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if have, taken := b.seats[h.Host]; taken && have != h.Instance {
		return store.ErrSeatTaken
	}
	if _, behind := b.standing.Behind[h.Host]; !behind && b.reports[h.Host].Relay != h.Relay {
		b.early = append(b.early, h.Host)
	}
	b.seats[h.Host], b.reports[h.Host] = h.Instance, h
	b.claims = append(b.claims, h)
	delete(b.elsewhere, h.Host)
	return nil
}

func (b *board) PutHosts(_ context.Context, hosts []store.HostStatus, leave bool) (lost []string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	for _, h := range hosts {
		if b.seats[h.Host] != h.Instance || b.elsewhere[h.Host] {
			lost = append(lost, h.Host)
			continue
		}
		b.reports[h.Host] = h
		if b.told == nil {
			b.told = map[string]int{}
		}
		b.told[h.Host]++
		if leave {
			delete(b.seats, h.Host)
		}
	}
	return lost, nil
}

func (b *board) PutRelay(_ context.Context, r store.RelayStanding) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	b.standings++
	b.standing = r
	return nil
}

func (b *board) ServeManyAsks(ctx context.Context, _ func(string) (inquiry.Answerer, bool)) error {
	<-ctx.Done()
	return ctx.Err()
}

func (b *board) SeatFree(_ context.Context, host string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seats[host] == "", nil
}

func (b *board) FollowPlugs(ctx context.Context, h store.PlugHandler) error {
	b.mu.Lock()
	b.follower = h
	all := slices.Collect(maps.Values(b.plugs))
	b.mu.Unlock()
	h.All(all)
	<-ctx.Done()
	return ctx.Err()
}

func (b *board) PutManyPlugs(_ context.Context, hosts []store.PlugsOf) (out []store.PlugsWritten) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.plugs == nil {
		b.plugs = map[string]store.Plug{}
	}
	for _, h := range hosts {
		b.last++
		var written []store.Plug
		for _, p := range h.Plugs {
			p.Host, p.Order = h.Host, cmp.Or(p.Order, b.last)
			b.plugs[h.Host+"/"+p.NIC] = p
			written = append(written, p)
		}
		for _, nic := range h.Gone {
			delete(b.plugs, h.Host+"/"+nic)
		}
		out = append(out, store.PlugsWritten{Plugs: written})
	}
	return out
}

// until waits until the board has what the test wants.
func (b *board) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for ctx := soon(t); ; {
		b.mu.Lock()
		ok := done()
		b.mu.Unlock()
		if ok {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: %+v, %+v", what, b.standing, b.reports)
		}
		pause()
	}
}

// TestWhatTheStoreIsTold: how all hosts stand in one write, of each what it says of
// itself, and when it leaves.
func TestWhatTheStoreIsTold(t *testing.T) {
	t.Parallel()
	b := &board{seats: map[string]string{"h9": "another"}, elsewhere: map[string]bool{}, reports: map[string]store.HostStatus{}}
	s := serveFor(t, Config{Board: b, Logger: slog.New(slog.DiscardHandler)})
	s.restore(7, town()...)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	h1, err := hostsim.Attach(ctx, hostsim.Config{Relay: s.addr, Token: "any", Name: "h1", NICs: []string{"n1"}})
	if err != nil {
		t.Fatal(err)
	}
	h2 := s.host(t, hostsim.Config{Name: "h2", NICs: []string{"n2"}})
	refusedWith(t, s.host(t, hostsim.Config{Name: "h9"}), codes.AlreadyExists, "another machine")
	b.until(t, "both are there", func() bool {
		return b.standing.Revision == 7 && b.standing.Mark == "other-7" && len(b.standing.Behind) == 0 && len(b.reports) == 2 && b.reports["h1"].Relay == "relay-1"
	})
	if len(b.early) > 0 { // it would be believed to be where the relay is
		t.Errorf("the store hears of %v before it hears that they have applied nothing", b.early)
	}
	for _, h := range b.claims { // one that was to have no NICs would be waited for no more
		if len(h.NICs) != 1 || h.NICs[0].Ready {
			t.Errorf("%s takes its name with %+v", h.Host, h.NICs)
		}
	}
	if err := h1.Send(&wire.FromHost{Kind: &wire.FromHost_Status{Status: &wire.Status{
		Flows: 12, Connected: true, Errors: []string{"e"}, Nics: []*wire.NICStatus{{Id: "n1", Ofport: 3, Ready: true, Error: "w"}},
	}}}); err != nil {
		t.Fatal(err)
	}
	b.until(t, "what a host says of itself", func() bool {
		h := b.reports["h1"]
		return h.Flows == 12 && h.Connected && slices.Equal(h.Errors, []string{"e"}) && len(h.NICs) == 1 && h.NICs[0] == (store.HostNIC{ID: "n1", OFPort: 3, Ready: true, Error: "w"})
	})
	rev := s.write(ruled("gn1", 1))
	b.until(t, "a change", func() bool { return b.standing.Revision == rev && len(b.standing.Behind) == 0 })
	leave()
	b.until(t, "one has left", func() bool { // of its switch nobody has said that it is lost
		h := b.reports["h1"]
		return h.Relay == "" && h.Connected && len(h.Errors) == 2 && strings.HasPrefix(h.Errors[1], "no stream to a relay since ") && h.Applied == rev && h.NICs[0].Applied == rev && b.seats["h1"] == "" && !slices.Contains(slices.Collect(maps.Keys(b.standing.Behind)), "h1")
	})
	// A name that went to another relay: this one lets the host go.
	b.mu.Lock()
	b.elsewhere["h2"] = true
	b.mu.Unlock()
	if err := h2.Plug("n2", "n1"); err != nil {
		t.Fatal(err)
	}
	if bye, _ := h2.Ended(soon(t)); bye == nil || !bye.GetRetryable() {
		t.Errorf("a host whose name is elsewhere: %v", bye)
	}
}

// TestAChangeIsToldOnce: that a host is about to apply a change, nobody waits for, and
// the store is not told; that it has, the store is told at once.
func TestAChangeIsToldOnce(t *testing.T) {
	t.Parallel()
	b := &board{seats: map[string]string{}, elsewhere: map[string]bool{}, reports: map[string]store.HostStatus{}}
	s := serveFor(t, Config{Board: b, Logger: slog.New(slog.DiscardHandler), timing: timing{report: patience}})
	s.restore(7, town()...)
	h := s.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1"}, Applied: func(_ *span.Share, d *wire.Delta) bool { return d.GetNumber() == 1 }})
	b.until(t, "it has its share", func() bool { return b.standing.Revision == 7 && len(b.standing.Behind) == 0 && len(b.reports) == 1 })
	rev := s.write(ruled("gn1", 81))
	wait(t, h, "a change", func(s hostsim.Seen) bool { return s.Number == 2 })
	var was int
	// That nothing is written takes time to see: several times what two writes are apart.
	for begun := time.Now(); time.Since(begun) < 8*reportApart; pause() {
		b.mu.Lock()
		was = b.standings
		if b.standing.Revision != 7 {
			t.Fatalf("the store is told %+v of a change that is being applied", b.standing)
		}
		b.mu.Unlock()
	}
	if err := h.Acknowledge(2); err != nil {
		t.Fatal(err)
	}
	b.until(t, "it is applied", func() bool { return b.standing.Revision == rev && len(b.standing.Behind) == 0 && b.standings == was+1 })
}
