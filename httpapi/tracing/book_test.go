package tracing

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/transport"
)

// What one account traces makes no other's traces go, and has a bound of its own;
// all have one together, at which the account goes short that has the most.
func TestBookIsFair(t *testing.T) {
	t.Parallel()
	b, now := newBook(), time.Unix(1000, 0)
	serial := 0
	keep := func(account string) string {
		serial++
		id := fmt.Sprint(serial)
		b.keep(&Trace{ID: id, Account: account, CreatedAt: now, Done: true})
		return id
	}
	first := keep("bolt")
	for range 3 * tracesKept {
		keep("acme")
	}
	if b.get("bolt", first) == nil || len(b.order["acme"]) != tracesKeptOf {
		t.Errorf("bolt's trace is gone, or acme has %d", len(b.order["acme"]))
	}
	for i := range 20 {
		for range tracesKeptOf / 2 {
			keep(fmt.Sprint("a", i))
		}
	}
	if b.get("bolt", first) == nil || len(b.byID) != tracesKept {
		t.Errorf("bolt's trace is gone, or %d are kept", len(b.byID))
	}
	now = now.Add(traceKeptFor + time.Second)
	last := keep("acme")
	if len(b.byID) != 1 || len(b.order) != 1 || b.get("acme", last) == nil {
		t.Errorf("%d traces of %d accounts are kept for too long", len(b.byID), len(b.order))
	}
}

// An account may have so many traces running; another's run all the same.
func TestTracesOfOneAccountAtOnce(t *testing.T) {
	t.Parallel()
	b := newBook()
	var ends []func()
	for range tracesOf {
		end, err := b.begin("acme")
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	_, err := b.begin("acme")
	var p *transport.Problem
	if !errors.As(err, &p) || p.Status != 429 || !strings.Contains(p.Detail, fmt.Sprint(tracesOf)) {
		t.Errorf("%v", err)
	}
	if _, err := b.begin("bolt"); err != nil {
		t.Errorf("another account: %v", err)
	}
	for _, end := range ends {
		end()
	}
	if _, err := b.begin("acme"); err != nil || len(b.open) != 2 {
		t.Errorf("after they ran: %v, %v", err, b.open)
	}
}
