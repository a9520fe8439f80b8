package link

import (
	"context"
	"sync"
	"time"
)

// Pulse wakes everyone who waits for something to change.
type Pulse struct {
	mu sync.Mutex
	ch chan struct{}
}

// Next returns a channel that the next beat closes. Get it before looking at
// what may change.
func (p *Pulse) Next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ch == nil {
		p.ch = make(chan struct{})
	}
	return p.ch
}

// Beat wakes all who wait. A nil pulse has none.
func (p *Pulse) Beat() {
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

// Health says whether a feed is in contact with etcd.
type Health struct {
	mu    sync.Mutex
	live  bool
	tried bool // a session has succeeded or failed
	since time.Time
	heard time.Time // the last contact; zero: there was none
	cause error
	Pulse Pulse
	notes *Pulse // beats with pulse, for who looks at all feeds; nil: nobody does
}

// NewHealth is not in contact yet.
func NewHealth() *Health { return &Health{since: time.Now()} }

// tell has a pulse beat whenever the health's own does.
func (h *Health) tell(notes *Pulse) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = notes
}

// contact notes that etcd has just been heard of.
func (h *Health) contact() {
	h.mu.Lock()
	changed := !h.live
	h.live, h.tried, h.heard, h.cause = true, true, time.Now(), nil
	notes := h.notes
	h.mu.Unlock()
	if changed {
		h.Pulse.Beat()
		notes.Beat()
	}
}

// lost notes that contact is lost, or could not be made, and why.
func (h *Health) lost(cause error) {
	h.mu.Lock()
	if h.live {
		h.since = time.Now()
	}
	h.live, h.tried, h.cause = false, true, cause
	notes := h.notes
	h.mu.Unlock()
	h.Pulse.Beat()
	notes.Beat()
}

// State returns whether the feed is in contact; if not, since when, why, and
// whether it has been tried at all.
func (h *Health) State() (live bool, since time.Time, cause error, tried bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.live, h.since, h.cause, h.tried
}

// lastHeard is when etcd was heard of last; zero: never.
func (h *Health) lastHeard() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.heard
}

// AwaitLoad waits until a feed has loaded, as isLoaded says after a beat of
// loads, but not longer than its first attempt at it. It is ErrClosed when done
// is closed, else the end of ctx or the cause why the attempt failed.
func (h *Health) AwaitLoad(ctx context.Context, done <-chan struct{}, loads *Pulse, isLoaded func() bool) error {
	for {
		load, beat := loads.Next(), h.Pulse.Next()
		if isLoaded() {
			return nil
		}
		if live, _, cause, tried := h.State(); tried && !live {
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
