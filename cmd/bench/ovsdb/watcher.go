package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ringfence/ringfence/ovsdb"
)

// patience limits the wait for one callback.
const patience = time.Minute

// watcher follows the bridge as the controller does.
type watcher struct {
	cancel context.CancelFunc
	ended  chan struct{}
	called chan struct{}

	mu   sync.Mutex
	nics map[string]string // by the interfaces' names
}

// startWatcher returns when all n interfaces are there.
func startWatcher(ctx context.Context, addr string, n int) (*watcher, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{cancel: cancel, ended: make(chan struct{}), called: make(chan struct{}, 1), nics: map[string]string{}}
	go func() {
		defer close(w.ended)
		_ = ovsdb.WatchBridge(ctx, addr, bridge, w.see)
	}()
	if err := w.await(ctx, func(w *watcher) bool { return len(w.nics) == n }); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *watcher) see(c ovsdb.Change) {
	w.mu.Lock()
	for _, i := range c.Gone {
		delete(w.nics, i.Name)
	}
	for _, i := range c.Set {
		w.nics[i.Name] = i.IfaceID
	}
	w.mu.Unlock()
	select {
	case w.called <- struct{}{}:
	default:
	}
}

// nicOf is the iface-id of an interface. Locked by await.
func (w *watcher) nicOf(name string) string { return w.nics[name] }

// await returns when a callback brought what is waited for.
func (w *watcher) await(ctx context.Context, done func(*watcher) bool) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		w.mu.Lock()
		ok := done(w)
		w.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-w.called:
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			return errors.New("no callback")
		}
	}
}

func (w *watcher) close() {
	w.cancel()
	<-w.ended
}
