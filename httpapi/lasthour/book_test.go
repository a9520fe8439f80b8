package lasthour

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// bench is a book with a clock and with hosts whose lags the test sets.
type bench struct {
	*Book
	at  time.Time
	lag map[string]time.Duration
}

func newBench() *bench {
	b := &bench{at: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC), lag: map[string]time.Duration{}}
	b.Book = New(func() time.Time { return b.at }, func(host string, _ int64) time.Duration { return b.lag[host] })
	return b
}

// report is what a host says now of what began since a time.
func (b *bench) report(host string, since time.Time, begun map[string]uint64) store.HostStatus {
	return store.HostStatus{Host: host, Seen: b.at, Begun: begun, BegunSince: since}
}

// told is a point as text, "-" for what is not known.
func (b *bench) told(account string, hosts ...string) []string {
	var out []string
	for _, p := range b.Tell(account, hosts).Points {
		text := func(known bool, v any) string {
			if !known {
				return "-"
			}
			return fmt.Sprint(v)
		}
		line := "begun -"
		if p.Connections != nil {
			line = fmt.Sprintf("begun %d", *p.Connections)
		}
		drops, lag := "-", "-"
		if p.Drops != nil {
			drops = text(true, *p.Drops)
		}
		if p.Lag != nil {
			lag = text(true, *p.Lag)
		}
		out = append(out, fmt.Sprintf("%s, drops %s, lag %s, silent %d", line, drops, lag, p.Silent))
	}
	return out
}

func want(t *testing.T, got []string, lines ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(lines) {
		t.Errorf("got\n%q, want\n%q", got, lines)
	}
}

// What hosts counted before the process looked is not of its hour; what they count
// after that is, also when they begin anew; and a silent one is a gap.
func TestWhatBegan(t *testing.T) {
	t.Parallel()
	b := newBench()
	started := b.at.Add(-time.Hour)
	b.Look([]store.HostStatus{b.report("h1", started, map[string]uint64{"acme": 1000}), {Host: "old", Seen: b.at}})
	b.at = b.at.Add(5 * time.Second)
	b.Look([]store.HostStatus{b.report("h1", started, map[string]uint64{"acme": 1003, "bolt": 2}), {Host: "old", Seen: b.at}})
	b.Look([]store.HostStatus{b.report("h1", started, map[string]uint64{"acme": 1003, "bolt": 2}), {Host: "old", Seen: b.at}}) // the same report once more
	want(t, b.told("acme", "h1"), "begun 3, drops -, lag 0, silent 0")
	want(t, b.told("bolt", "h1", "old"), "begun 2, drops -, lag 0, silent 1")
	want(t, b.told("acme", "old"), "begun 3, drops -, lag 0, silent 1")
	want(t, b.told("carol", "old"), "begun -, drops -, lag 0, silent 1")
	want(t, b.told("carol"), "begun -, drops -, lag -, silent 0")
	// Nothing is heard of it for a step; then it was started again.
	b.at = b.at.Add(Step)
	want(t, b.told("acme", "h1")[1:], "begun -, drops -, lag -, silent 1")
	b.at = b.at.Add(Step)
	b.Look([]store.HostStatus{b.report("h1", b.at.Add(-time.Second), map[string]uint64{"acme": 7})})
	b.at = b.at.Add(time.Second)
	b.Look([]store.HostStatus{b.report("h1", b.at.Add(-2*time.Second), map[string]uint64{"acme": 9})})
	want(t, b.told("acme", "h1")[1:], "begun -, drops -, lag -, silent 1", "begun 9, drops -, lag 0, silent 0")
	// An hour is an hour.
	b.at = b.at.Add(time.Hour)
	if got := b.told("acme", "h1"); len(got) != Points || got[0] != "begun -, drops -, lag -, silent 1" {
		t.Errorf("%d points, the first is %s", len(got), got[0])
	}
}

// A host that has its stream at a relay is reported when there is something to say:
// one that counts nothing is no gap while it is there.
func TestAHostOfARelayThatCountsNothing(t *testing.T) {
	t.Parallel()
	b := newBench()
	h := b.report("h1", b.at, map[string]uint64{"acme": 2})
	h.Attached = true
	b.Look([]store.HostStatus{h})
	b.at = b.at.Add(Step)
	b.Look([]store.HostStatus{h})
	want(t, b.told("acme", "h1"), "begun 2, drops -, lag 0, silent 0", "begun 0, drops -, lag 0, silent 0")
	h.Attached = false
	b.at = b.at.Add(Step)
	b.Look([]store.HostStatus{h})
	want(t, b.told("acme", "h1")[2:], "begun -, drops -, lag 0, silent 1")
}

// A lag lasts until a report ends it, and the longest of a step is told.
func TestLag(t *testing.T) {
	t.Parallel()
	b := newBench()
	look := func(after, lag time.Duration) {
		b.at, b.lag["h1"] = b.at.Add(after), lag
		b.Look([]store.HostStatus{b.report("h1", b.at, nil), b.report("h2", b.at, nil)})
	}
	look(0, 0)
	look(time.Second, 100*time.Millisecond)
	look(200*time.Millisecond, 0) // it caught up: after 300 ms in all
	look(time.Second, 0)
	want(t, b.told("acme", "h1", "h2"), "begun 0, drops -, lag 0.3, silent 0")
	want(t, b.told("acme", "h2"), "begun 0, drops -, lag 0, silent 0")
	look(Step, 40*time.Second)
	want(t, b.told("acme", "h1")[1:], "begun 0, drops -, lag 40, silent 0")
}

// Drops are those that were counted while somebody went on looking.
func TestDrops(t *testing.T) {
	t.Parallel()
	b := newBench()
	ask := func(after time.Duration, nics []string, packets ...uint64) {
		b.at = b.at.Add(after)
		var totals []inquiry.DropTotal
		for i, n := range packets {
			totals = append(totals, inquiry.DropTotal{NIC: nics[i], Direction: "ingress", Reason: "no-rule", Packets: n})
		}
		b.Dropped("acme", b.at, nics, totals)
	}
	both := []string{"n1", "n2"}
	ask(0, both, 50, 3) // others looked before
	want(t, b.told("acme"), "begun -, drops 0, lag -, silent 0")
	ask(time.Second, both, 52, 3)
	ask(time.Second, both[:1], 53) // of n2 nothing is asked, and nothing forgotten
	ask(time.Second, both, 53, 4)
	want(t, b.told("acme"), "begun -, drops 4, lag -, silent 0")
	b.Dropped("acme", b.at.Add(-2*time.Second), both, []inquiry.DropTotal{{NIC: "n1", Direction: "ingress", Reason: "no-rule", Packets: 51}}) // overtaken
	ask(time.Second, both, 2, 4)                                                                                                              // the counters began anew
	want(t, b.told("acme"), "begun -, drops 6, lag -, silent 0")
	ask(Step, both, 90, 90) // nobody looked for long
	want(t, b.told("acme"), "begun -, drops 6, lag -, silent 0", "begun -, drops 0, lag -, silent 0")
	want(t, b.told("bolt"), "begun -, drops -, lag -, silent 0", "begun -, drops -, lag -, silent 0")
}

// Who gets the id of an account that went is told nothing of it; and what is kept
// is bounded.
func TestNothingIsKeptForEver(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.Dropped("acme", b.at, []string{"n1"}, nil)
	b.Observe(nil, nil, store.Batch{Changes: []secgroup.Change{secgroup.Delete(secgroup.AccountKey("acme"))}})
	want(t, b.told("acme"), "begun -, drops -, lag -, silent 0")
	for i := range maxAccounts + 10 {
		b.Dropped(fmt.Sprint(i), b.at, nil, nil)
		if i == 0 {
			b.at = b.at.Add(Step)
		}
	}
	if len(b.accounts) != maxAccounts || b.accounts["0"] != nil {
		t.Errorf("%d accounts are kept, the oldest %v", len(b.accounts), b.accounts["0"] != nil)
	}
	if size := unsafe.Sizeof(account{}) + unsafe.Sizeof(host{}); size > 6<<10 {
		t.Errorf("an account and a host take %d bytes", size)
	}
	for i := range maxLooks + 10 {
		b.Dropped("acme", b.at, []string{fmt.Sprint(i)}, nil)
	}
	if len(b.looks) > maxLooks {
		t.Errorf("%d NICs are kept", len(b.looks))
	}
	b.Look([]store.HostStatus{b.report("h1", b.at, nil)})
	b.Look(nil)
	if len(b.hosts) != 0 {
		t.Errorf("hosts that are gone: %v", b.hosts)
	}
}
