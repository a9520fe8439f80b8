package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ringfence/ringfence/store"
)

// fixedReports has every report end in the same way.
type fixedReports struct{ err error }

func (f fixedReports) PutHost(context.Context, store.HostStatus) error { return f.err }

// What "systemctl status" shows of a controller, and when its watchdog may end it.
func TestWatchedReports(t *testing.T) {
	t.Parallel()
	now := time.Now()
	refused := errors.New("no store")
	w := &watchedReports{Reports: fixedReports{refused}, now: func() time.Time { return now }}
	says := func(want string) {
		t.Helper()
		if got := w.line(); got != want {
			t.Errorf("says %q, want %q", got, want)
		}
	}
	lives := func(want bool) {
		t.Helper()
		if err := w.alive(t.Context()); (err == nil) != want {
			t.Errorf("alive: %v, want %v", err, want)
		}
	}
	says("waiting for the bridge")
	now = now.Add(time.Hour)
	lives(true) // another controller may have the bridge for as long as it likes
	if err := w.PutHost(t.Context(), store.HostStatus{Host: "h"}); !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
	says("no revision in force yet, 0 NICs, switch not connected")
	now = now.Add(time.Minute)
	lives(true) // and so may the store be away
	now = now.Add(time.Second)
	lives(false)
	_ = w.PutHost(t.Context(), store.HostStatus{
		Host: "h", Applied: 30, Connected: true, NICs: make([]store.HostNIC, 1), Errors: []string{"NIC n1:\n two ports", "other"},
	})
	lives(true)
	for range 3 { // it reports, and its loop turns
		now = now.Add(time.Minute)
		w.turn()
		_ = w.PutHost(t.Context(), w.last)
		lives(true)
	}
	for range 2 { // it reports beside a loop that is stuck
		lives(true)
		now = now.Add(time.Minute + time.Second)
		_ = w.PutHost(t.Context(), w.last)
	}
	lives(false)
	w.turn()
	lives(true)
	says("revision 30 in force, 1 NIC, 2 errors, the first: NIC n1: two ports")
}

func TestStoreLine(t *testing.T) {
	t.Parallel()
	if got := storeLine(store.Condition{}); got != "store well" {
		t.Error(got)
	}
	since := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	if got := storeLine(store.Condition{Kind: store.ErrUnavailable, Since: since}); got != "store unavailable since 2026-11-28T12:00:00Z" {
		t.Error(got)
	}
}
