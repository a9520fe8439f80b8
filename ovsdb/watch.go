package ovsdb

import (
	"context"
	"reflect"
	"time"
)

// The wait before another attempt to connect doubles between these.
const (
	minBackoff = 20 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// connectTimeout limits connecting and the first snapshot.
const connectTimeout = 10 * time.Second

// WatchBridge calls fn with the state of a bridge: at once with what there
// is, then whenever it differs from what fn saw last. Changes that come while
// fn runs are delivered as one. When the connection is lost, fn gets the last
// state marked Stale; a new connection begins with a snapshot, and fn hears of
// it only if something differs. fn is never called concurrently.
//
// It returns when ctx ends, with its error, or at once for an address that
// makes no sense.
func WatchBridge(ctx context.Context, addr, bridge string, fn func(BridgeState)) error {
	if _, _, err := splitAddr(addr); err != nil {
		return opError(err, "watch bridge %s", bridge)
	}
	w := &watch{addr: addr, bridge: bridge, fn: fn, probe: probeInterval}
	w.run(ctx)
	return ctx.Err()
}

// watch is one WatchBridge.
type watch struct {
	addr, bridge string
	fn           func(BridgeState)
	probe        time.Duration

	called bool
	last   BridgeState
}

func (w *watch) run(ctx context.Context) {
	backoff := minBackoff
	for {
		connected, err := w.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if w.last.Stale == "" {
			stale := w.last
			stale.Stale = err.Error()
			w.deliver(stale)
		}
		if connected {
			backoff = minBackoff
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// follow delivers states over one connection, until that or ctx ends.
// connected tells whether it got as far as a snapshot.
func (w *watch) follow(ctx context.Context) (connected bool, err error) {
	starting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	m, err := startMonitor(starting, w.addr, w.probe, bridgeColumns)
	if err != nil {
		return false, err
	}
	defer m.session.close(context.Canceled)
	for {
		select {
		case <-ctx.Done():
			return true, ctx.Err()
		case <-m.session.done:
			return true, m.session.ended()
		case <-m.changed:
		}
		m.mu.Lock()
		state, err := bridgeState(m.replica, w.bridge)
		m.mu.Unlock()
		if err != nil {
			return true, err
		}
		w.deliver(state)
	}
}

// deliver calls fn if there is news.
func (w *watch) deliver(s BridgeState) {
	if w.called && reflect.DeepEqual(s, w.last) {
		return
	}
	w.called, w.last = true, s
	w.fn(s)
}
