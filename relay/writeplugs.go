package relay

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/store"
)

// plugWrite is what is to be written of a host's plugs.
type plugWrite struct {
	s      *session
	queued map[string]bool // as it was in the session
	plugs  []store.Plug
	gone   []string
}

// takePlugWrites returns what is to be written, of plugsTogether hosts at most, and takes
// it out of the queue.
func (r *Relay) takePlugWrites() (all []plugWrite) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.plugs.known {
		return nil
	}
	for s := range r.plugs.unwritten {
		if len(all) == plugsTogether {
			r.plugs.wakeWriter()
			break
		}
		delete(r.plugs.unwritten, s)
		u := plugWrite{s: s, queued: s.plugsToWrite}
		s.plugsToWrite = nil
		for nic, back := range u.queued {
			has, stored := r.plugs.at[nic][s.host]
			p := s.plugged[nic]
			switch {
			case p.GetRow() != "":
				want := store.Plug{Host: s.host, NIC: nic, Row: p.GetRow(), Order: p.GetOrder(), Restored: p.GetRestored(), Ready: p.GetReady()}
				if want.Order == 0 && stored && !back && has.Row == want.Row {
					want.Order, want.Restored = has.Order, has.Restored // the host has not heard of it yet
				}
				if !stored || has != want {
					u.plugs = append(u.plugs, want)
				}
			case stored && (p == nil || back):
				u.gone = append(u.gone, nic)
			}
		}
		if len(u.plugs)+len(u.gone) > 0 {
			all = append(all, u)
		}
	}
	return all
}

// plugsWritten applies the result of a write. After an error it is queued again.
func (r *Relay) plugsWritten(u plugWrite, written []store.Plug, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range written {
		r.plugs.set(p)
		r.replugged(plugID{p.Host, p.NIC})
	}
	if err != nil {
		if r.sessions[u.s.host] == u.s {
			for nic, back := range u.queued {
				u.s.writePlug(nic, back)
			}
		}
		return
	}
	for _, nic := range u.gone {
		r.plugs.drop(plugID{u.s.host, nic})
		r.replugged(plugID{u.s.host, nic})
	}
}

const (
	plugsTogether = 128                    // hosts of whose plugs the store is told at a time
	plugsAgain    = 200 * time.Millisecond // between attempts
	mayAskLater   = time.Minute            // between attempts to do what this relay's user may not
)

// syncPlugs follows the plugs in the store, and writes those of the hosts that are attached
// here, until ctx ends.
func (r *Relay) syncPlugs(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.followPlugs(ctx) })
	g.Go(func() error { return r.writePlugs(ctx) })
	return g.Wait()
}

func (r *Relay) followPlugs(ctx context.Context) error {
	for {
		err := r.cfg.Board.FollowPlugs(ctx, (*plugFeed)(r))
		again := plugsAgain
		if errors.Is(err, store.ErrMayNotAsk) {
			r.log.Warn("NICs that are plugged at several hosts are served at each of them", "error", err)
			(*plugFeed)(r).All(nil) // hosts are not to wait for it
			again = mayAskLater
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(again):
		}
	}
}

func (r *Relay) writePlugs(ctx context.Context) error {
	for {
		var again <-chan time.Time
		if wait := r.writePlugsOnce(ctx); wait > 0 {
			again = time.After(wait)
		}
		wake := r.plugs.wake
		if again != nil {
			wake = nil // what failed woke this
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-again:
		}
	}
}

// writePlugsOnce writes what is queued, and returns after which time to try again what
// failed, 0 if nothing did.
func (r *Relay) writePlugsOnce(ctx context.Context) (again time.Duration) {
	all := r.takePlugWrites()
	if len(all) == 0 {
		return 0
	}
	told := make([]store.PlugsOf, len(all))
	for i, u := range all {
		told[i] = store.PlugsOf{Host: u.s.host, Plugs: u.plugs, Gone: u.gone}
	}
	for i, w := range r.cfg.Board.PutManyPlugs(ctx, told) {
		r.plugsWritten(all[i], w.Plugs, w.Err)
		if w.Err == nil || ctx.Err() != nil {
			continue
		}
		r.log.Debug("plugs of a host are not told of; trying again", "host", all[i].s.host, "error", w.Err)
		again = max(again, plugsAgain)
		if errors.Is(w.Err, store.ErrMayNotAsk) {
			again = mayAskLater
		}
	}
	return again
}
