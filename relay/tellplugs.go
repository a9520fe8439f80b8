package relay

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/store"
)

// tellOf has the store told of a NIC's plug here, if it has it otherwise. What is
// taken back is another plug when it is told of again.
func (s *session) tellOf(nic string, back bool) {
	if s.tell == nil {
		s.tell = map[string]bool{}
	}
	s.tell[nic] = s.tell[nic] || back
	s.relay.plugs.due[s] = struct{}{}
	s.relay.plugs.rouse()
}

// rouse has the store told.
func (p *plugs) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// tellAll looks at all plugs of the host, also of a former stream.
func (s *session) tellAll() {
	for nic := range s.plugged {
		s.tellOf(nic, false)
	}
	for nic := range s.relay.plugs.of[s.host] {
		s.tellOf(nic, false)
	}
}

// untold is what the store is to be told of a host's plugs.
type untold struct {
	s     *session
	tell  map[string]bool // as it was in the session
	plugs []store.Plug
	gone  []string
}

// untold takes what the store is to be told, of so many hosts as it is told of at a time.
func (r *Relay) untold() (all []untold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.plugs.known {
		return nil
	}
	for s := range r.plugs.due {
		if len(all) == plugsTogether {
			r.plugs.rouse()
			break
		}
		delete(r.plugs.due, s)
		u := untold{s: s, tell: s.tell}
		s.tell = nil
		for nic, back := range u.tell {
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

// told takes what became of it.
func (r *Relay) told(u untold, written []store.Plug, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range written {
		r.plugs.put(p)
		r.replugged(plugID{p.Host, p.NIC})
	}
	if err != nil {
		if r.sessions[u.s.host] == u.s {
			for nic, back := range u.tell {
				u.s.tellOf(nic, back)
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

// keepPlugs follows the plugs that the store has, and tells it of those of the hosts
// here, until ctx ends.
func (r *Relay) keepPlugs(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.followPlugs(ctx) })
	g.Go(func() error { return r.tellPlugs(ctx) })
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

func (r *Relay) tellPlugs(ctx context.Context) error {
	for {
		var again <-chan time.Time
		if wait := r.tellOfPlugs(ctx); wait > 0 {
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

// tellOfPlugs tells the store once, and returns when to try again what failed, 0 if
// nothing did.
func (r *Relay) tellOfPlugs(ctx context.Context) (again time.Duration) {
	all := r.untold()
	if len(all) == 0 {
		return 0
	}
	told := make([]store.PlugsOf, len(all))
	for i, u := range all {
		told[i] = store.PlugsOf{Host: u.s.host, Plugs: u.plugs, Gone: u.gone}
	}
	for i, w := range r.cfg.Board.PutManyPlugs(ctx, told) {
		r.told(all[i], w.Plugs, w.Err)
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
