package tracing

import (
	"fmt"
	"sync"
	"time"

	"github.com/ringfence/ringfence/httpapi/transport"
)

// Bounds of the traces that are kept to be read again.
const (
	tracesKept   = 1000 // of all accounts
	tracesKeptOf = 200  // of one
	traceKeptFor = 10 * time.Minute
	tracesOf     = 128 // that an account may have running or waiting
)

// book keeps traces for a while; see keptElsewhere.
type book struct {
	mu    sync.Mutex
	byID  map[string]*Trace
	order map[string][]string // by account, the oldest first
	open  map[string]int      // that run or wait, by account
}

func newBook() *book {
	return &book{byID: map[string]*Trace{}, order: map[string][]string{}, open: map[string]int{}}
}

// keep keeps a trace and returns the one that is kept: an unfinished one does not
// replace its finished self.
func (b *book) keep(t *Trace) *Trace {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch old := b.byID[t.ID]; {
	case old == nil:
		b.order[t.Account] = append(b.order[t.Account], t.ID)
	case old.Done:
		return old
	}
	b.byID[t.ID] = t
	for account, ids := range b.order {
		for len(ids) > 0 && (len(ids) > tracesKeptOf || t.CreatedAt.Sub(b.byID[ids[0]].CreatedAt) > traceKeptFor) {
			b.dropOldest(account)
			ids = b.order[account]
		}
	}
	for len(b.byID) > tracesKept {
		most := ""
		for account, ids := range b.order {
			if len(ids) > len(b.order[most]) {
				most = account
			}
		}
		b.dropOldest(most)
	}
	return t
}

// dropOldest forgets the oldest trace of an account.
func (b *book) dropOldest(account string) {
	ids := b.order[account]
	delete(b.byID, ids[0])
	if b.order[account] = ids[1:]; len(ids) == 1 {
		delete(b.order, account)
	}
}

// begin takes a trace of an account, of which end is to be called when it has run.
func (b *book) begin(account string) (end func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open[account] >= tracesOf {
		return nil, transport.TooMany(fmt.Sprintf("%d traces of the account run or wait, which is the limit", tracesOf), time.Second)
	}
	b.open[account]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.open[account]--; b.open[account] == 0 {
			delete(b.open, account)
		}
	}, nil
}

func (b *book) get(account, id string) *Trace {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.byID[id]; t != nil && t.Account == account {
		return t
	}
	return nil
}
