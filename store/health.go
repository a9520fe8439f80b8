package store

import (
	"context"
	"sync"
	"time"
)

// pulse wakes everyone who waits for something to change.
type pulse struct {
	mu sync.Mutex
	ch chan struct{}
}

// next returns a channel that the next beat closes. Get it before looking at
// what may change.
func (p *pulse) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ch == nil {
		p.ch = make(chan struct{})
	}
	return p.ch
}

// beat wakes all who wait. A nil pulse has none.
func (p *pulse) beat() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ch != nil {
		close(p.ch)
		p.ch = nil
	}
}

// health says whether a feed is in contact with etcd.
type health struct {
	mu    sync.Mutex
	live  bool
	tried bool // a session has succeeded or failed
	since time.Time
	heard time.Time // the last contact; zero: there was none
	cause error
	pulse pulse
	notes *pulse // beats with pulse, for who looks at all feeds; nil: nobody does
}

// newHealth is not in contact yet.
func newHealth() *health { return &health{since: time.Now()} }

// tell has a pulse beat whenever the health's own does.
func (h *health) tell(notes *pulse) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = notes
}

// contact notes that etcd has just been heard of.
func (h *health) contact() {
	h.mu.Lock()
	changed := !h.live
	h.live, h.tried, h.heard, h.cause = true, true, time.Now(), nil
	notes := h.notes
	h.mu.Unlock()
	if changed {
		h.pulse.beat()
		notes.beat()
	}
}

// lost notes that contact is lost, or could not be made, and why.
func (h *health) lost(cause error) {
	h.mu.Lock()
	if h.live {
		h.since = time.Now()
	}
	h.live, h.tried, h.cause = false, true, cause
	notes := h.notes
	h.mu.Unlock()
	h.pulse.beat()
	notes.beat()
}

// state returns whether the feed is in contact; if not, since when, why, and
// whether it has been tried at all.
func (h *health) state() (live bool, since time.Time, cause error, tried bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.live, h.since, h.cause, h.tried
}

// lastHeard is when etcd was heard of last; zero: never.
func (h *health) lastHeard() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.heard
}

// awaitLoad waits until a feed has loaded, as isLoaded says after a beat of
// loads, but not longer than its first attempt at it. It is ErrClosed when done
// is closed, else the end of ctx or the cause why the attempt failed.
func (h *health) awaitLoad(ctx context.Context, done <-chan struct{}, loads *pulse, isLoaded func() bool) error {
	for {
		load, beat := loads.next(), h.pulse.next()
		if isLoaded() {
			return nil
		}
		if live, _, cause, tried := h.state(); tried && !live {
			return cause
		}
		select {
		case <-done:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		case <-load:
		case <-beat:
		}
	}
}
