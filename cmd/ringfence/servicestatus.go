package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/service"
	"github.com/ringfence/ringfence/controller"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// storeLine is how the store is, for "systemctl status".
func storeLine(c store.Condition) string {
	if c.Kind == nil {
		return "store well"
	}
	return fmt.Sprintf("store %s since %s", c, c.Since.UTC().Format(time.RFC3339))
}

// supervise tells systemd how an API does. It is alive if what it knows can be
// read: a lock that nobody gives back would hold it up.
func supervise(ctx context.Context, m *service.Manager, line func() string, s *store.Store) {
	m.Run(ctx, line, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = s.Read(ctx, func(*secgroup.Snapshot) error { return nil }) // nothing loaded yet: not well, but alive
		s.Hosts()
		return nil
	})
}

// What a controller that is alive does now and then, whether the store and the
// switch are there or not: it tries to make a report every five seconds, and its loop
// that makes flows turns as often, or is at a bundle, which it gives up after half a minute.
const (
	reportsWithin = time.Minute
	turnsWithin   = 2 * time.Minute
)

// watchedReports passes a controller's reports on, and keeps the last one for
// systemd, and when its loop has turned.
type watchedReports struct {
	controller.Reports
	now func() time.Time

	mu     sync.Mutex
	last   store.HostStatus
	begun  time.Time // of the last report; zero: none yet
	turned time.Time // when the loop last did; before it has, since when it should
}

// PutHost implements controller.Reports.
func (w *watchedReports) PutHost(ctx context.Context, h store.HostStatus) error {
	w.mu.Lock()
	w.last, w.begun = h, w.now()
	if w.turned.IsZero() {
		w.turned = w.begun
	}
	w.mu.Unlock()
	return w.Reports.PutHost(ctx, h)
}

// turn notes that the loop goes on.
func (w *watchedReports) turn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turned = w.now()
}

// alive is an error if the controller has made reports, and makes none any more, or
// goes on with them beside a loop that is stuck.
func (w *watchedReports) alive(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun.IsZero() {
		return nil // it waits for the bridge
	}
	if since := w.now().Sub(w.begun); since > reportsWithin {
		return fmt.Errorf("the controller has made no report for %v", since.Round(time.Second))
	}
	if since := w.now().Sub(w.turned); since > turnsWithin {
		return fmt.Errorf("the loop that makes flows is stuck since %v", since.Round(time.Second))
	}
	return nil
}

// plural is "1 NIC" or "2 NICs".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// line is how the host is, for "systemctl status".
func (w *watchedReports) line() string {
	w.mu.Lock()
	h, begun := w.last, w.begun
	w.mu.Unlock()
	if begun.IsZero() {
		return "waiting for the bridge"
	}
	parts := []string{"no revision in force yet"}
	if h.Applied > 0 {
		parts[0] = fmt.Sprintf("revision %d in force", h.Applied)
	}
	parts = append(parts, plural(len(h.NICs), "NIC"))
	if !h.Connected {
		parts = append(parts, "switch not connected")
	}
	if n := len(h.Errors); n > 0 {
		parts = append(parts, plural(n, "error")+", the first: "+strings.Join(strings.Fields(h.Errors[0]), " "))
	}
	return strings.Join(parts, ", ")
}
