package elsewhere

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/ringfence/ringfence/store"
)

// Peers tells where other hosts have NICs plugged.
type Peers interface {
	Plugged(ctx context.Context, host string) ([]store.HostNIC, error)
}

// askEvery is how often a host is asked whether a NIC has come there. Until
// then frames for a VM that was moved go to where it was, and a second is promised.
const askEvery = 100 * time.Millisecond

// Ready finds out which NICs of this host are ready at another one, which they
// name first: until then they are served here. It asks only for as long as such a
// NIC has not come there, which is while a VM is moved.
type Ready struct {
	peers  Peers
	log    *slog.Logger
	notify func() // something is known now that was not
	wake   chan struct{}

	mu     sync.Mutex
	wanted map[string]string // host by NIC
	there  map[string]string // of those the ones that are ready; it is not changed but replaced
}

// NewReady returns who finds out; peers may be nil, where nobody can tell. notify is
// called when something is known that was not.
func NewReady(peers Peers, log *slog.Logger, notify func()) *Ready {
	return &Ready{peers: peers, log: log, notify: notify, wake: make(chan struct{}, 1), there: map[string]string{}}
}

// Known returns the NICs that are ready at another host, by that host; nil if
// nobody can tell, and all count as ready. It does not change any more.
func (e *Ready) Known() map[string]string {
	if e.peers == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.there
}

// Want says which NICs of this host name another one first.
func (e *Ready) Want(wanted map[string]string) {
	if e.peers == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if maps.Equal(wanted, e.wanted) {
		return
	}
	e.wanted = maps.Clone(wanted)
	there := map[string]string{}
	for nic, host := range e.there {
		if e.wanted[nic] == host {
			there[nic] = host
		}
	}
	e.there = there
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// missing returns the NICs that are waited for, by host.
func (e *Ready) missing() map[string]map[string]bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	missing := map[string]map[string]bool{}
	for nic, host := range e.wanted {
		if e.there[nic] == host {
			continue
		}
		if missing[host] == nil {
			missing[host] = map[string]bool{}
		}
		missing[host][nic] = true
	}
	return missing
}

// Run asks until ctx ends.
func (e *Ready) Run(ctx context.Context) error {
	for {
		missing := e.missing()
		for host, nics := range missing {
			e.ask(ctx, host, nics)
		}
		var again <-chan time.Time
		if len(missing) > 0 {
			again = time.After(askEvery)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.wake:
		case <-again:
		}
	}
}

// ask asks one host for NICs. Where it may not be asked they count as come.
func (e *Ready) ask(ctx context.Context, host string, nics map[string]bool) {
	plugged, err := e.peers.Plugged(ctx, host)
	var come []string
	switch {
	case errors.Is(err, store.ErrMayNotAsk):
		e.log.Warn("NICs are taken to be at the host that they name first, without knowing", "host", host, "error", err)
		for nic := range nics {
			come = append(come, nic)
		}
	case err != nil:
		e.log.Debug("it is not known which NICs another host has", "host", host, "error", err)
	}
	for _, n := range plugged {
		if n.Ready && nics[n.ID] {
			come = append(come, n.ID)
		}
	}
	if len(come) == 0 {
		return
	}
	e.mu.Lock()
	there := maps.Clone(e.there)
	for _, nic := range come {
		if e.wanted[nic] == host {
			there[nic] = host
		}
	}
	e.there = there
	e.mu.Unlock()
	e.notify()
}
