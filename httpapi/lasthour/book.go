package lasthour

import (
	"maps"
	"sync"
	"time"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// The hour is told in steps.
const (
	Step   = 30 * time.Second
	Points = int(time.Hour / Step)
)

// maxAccounts bounds the accounts of which counts are kept, of some 3 KiB each. A
// further one takes the place of the one of which there is nothing new for longest.
const maxAccounts = 2048

// Book is what a process has seen. Its methods may be called together.
type Book struct {
	now    func() time.Time
	behind func(host string, applied int64) time.Duration

	mu       sync.Mutex
	since    time.Time // nothing is known from before
	hosts    map[string]*host
	accounts map[string]*account
	looks    map[string]look // by NIC
}

// New makes a book that begins now. behind tells for how long a host that has
// applied that revision has been behind the policy, 0 if it is not.
func New(now func() time.Time, behind func(host string, applied int64) time.Duration) *Book {
	return &Book{now: now, behind: behind, since: now(), hosts: map[string]*host{}, accounts: map[string]*account{}, looks: map[string]look{}}
}

// host is what is known of one host, some 2 KiB.
type host struct {
	seen    time.Time // of its last report
	late    time.Time // since when it is behind; zero: it is not
	counted time.Time // since when its counters count
	begun   map[string]uint64
	heard   ring[struct{}]      // it told its counters
	lag     ring[time.Duration] // the longest of a step
}

// account is what is counted of one account.
type account struct {
	latest uint32 // step of the last of it
	begun  ring[uint64]
	drops  ring[uint64] // of steps in which somebody looked
}

// Look takes the hosts' reports as they are now. It is called whenever one comes or
// the policy changes, and now and then.
func (b *Book) Look(hosts []store.HostStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	step := stepOf(now)
	there := make(map[string]bool, len(hosts))
	for i := range hosts {
		h := &hosts[i]
		there[h.Host] = true
		known := b.hosts[h.Host]
		if known == nil {
			known = &host{}
			b.hosts[h.Host] = known
		}
		b.lags(known, h, now, step)
		if !h.Seen.Equal(known.seen) { // also the first time
			known.seen = h.Seen
			b.counts(known, h, step)
		}
		if h.Attached && !h.BegunSince.IsZero() { // its relay has it reported when it has counted more
			known.heard.set(step, struct{}{})
		}
	}
	maps.DeleteFunc(b.hosts, func(name string, _ *host) bool { return !there[name] })
}

// lags notes for how long a host is behind, or was until now.
func (b *Book) lags(known *host, h *store.HostStatus, now time.Time, step uint32) {
	var lag time.Duration
	if !known.late.IsZero() {
		lag = now.Sub(known.late) // until now at least
	}
	known.late = time.Time{}
	if d := b.behind(h.Host, h.Applied); d > 0 {
		known.late = now.Add(-d)
		lag = max(lag, d)
	}
	if before, _ := known.lag.at(step); lag >= before {
		known.lag.set(step, lag)
	}
}

// counts adds what a host has counted since its last report.
func (b *Book) counts(known *host, h *store.HostStatus, step uint32) {
	if h.BegunSince.IsZero() {
		return // a version that does not count
	}
	anew := !h.BegunSince.Equal(known.counted)
	first := anew && known.counted.IsZero() && h.BegunSince.Before(b.since) // it may have counted before this process looked
	for name, n := range h.Begun {
		before := known.begun[name]
		if anew || n < before {
			before = 0
		}
		if n > before && !first {
			a := b.account(name, step)
			sum, _ := a.begun.at(step)
			a.begun.set(step, sum+n-before)
		}
	}
	known.counted, known.begun = h.BegunSince, h.Begun
	if !h.Seen.IsZero() {
		known.heard.set(step, struct{}{})
	}
}

// account returns the account's counts, to be added to.
func (b *Book) account(name string, step uint32) *account {
	a := b.accounts[name]
	if a == nil {
		if len(b.accounts) >= maxAccounts {
			oldest, at := "", uint32(0)
			for other, o := range b.accounts {
				if oldest == "" || o.latest < at {
					oldest, at = other, o.latest
				}
			}
			delete(b.accounts, oldest)
		}
		a = &account{}
		b.accounts[name] = a
	}
	a.latest = step
	return a
}

// Observe is for Store.Observe: an account that goes takes with it what was
// counted of it, so that one that gets its id later is told nothing.
func (b *Book) Observe(_, _ *secgroup.Snapshot, batch store.Batch) (applied func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range batch.Changes {
		if c.Key.Kind == secgroup.KindAccount && c.Object == nil {
			delete(b.accounts, c.Key.ID)
		}
	}
	return nil
}
