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

// Peers tells which NICs other hosts report.
type Peers interface {
	Plugged(ctx context.Context, host string) ([]store.HostNIC, error)
}

// askEvery is how often a host is asked whether a NIC has come there. Until
// then frames for a VM that was moved go to where it was, and a second is promised.
const askEvery = 100 * time.Millisecond

// Ready finds out which NICs of this host are ready at another one, which they
// name first: until then they are served here, and again when they are not plugged
// there any more. It asks for as long as such a NIC is here, which is while a VM is
// moved: what a host has said may be what it had a moment ago.
type Ready struct {
	peers  Peers
	log    *slog.Logger
	notify func() // called when Known returns something else
	wake   chan struct{}

	mu        sync.Mutex
	wanted    map[string]string // host by NIC
	ready     map[string]string // of those the ones that are ready; it is not changed but replaced
	unaskable map[string]bool   // hosts whose reports this one may not read
}

// NewReady returns a Ready that asks nobody until Run is called. peers is nil where nobody
// can tell. notify is called when Known returns something else.
func NewReady(peers Peers, log *slog.Logger, notify func()) *Ready {
	return &Ready{peers: peers, log: log, notify: notify, wake: make(chan struct{}, 1), ready: map[string]string{}}
}

// Known returns those of the NICs of Want that are ready at the host that they name, each
// with that host; nobody changes the map any more. It is nil where nobody can tell: all
// count as ready then.
func (e *Ready) Known() map[string]string {
	if e.peers == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ready
}

// Want is called by the loop with the NICs of this host that name another host first,
// each with that host.
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
	for nic, host := range e.ready {
		if e.wanted[nic] == host {
			there[nic] = host
		}
	}
	e.ready = there
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// toAsk returns the NICs that hosts are to be asked for, by host.
func (e *Ready) toAsk() map[string]map[string]bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	asked := map[string]map[string]bool{}
	for nic, host := range e.wanted {
		if e.unaskable[host] && e.ready[nic] == host {
			continue
		}
		if asked[host] == nil {
			asked[host] = map[string]bool{}
		}
		asked[host][nic] = true
	}
	return asked
}

// Run asks until ctx ends.
func (e *Ready) Run(ctx context.Context) error {
	for {
		asked := e.toAsk()
		for host, nics := range asked {
			e.ask(ctx, host, nics)
		}
		var again <-chan time.Time
		if len(asked) > 0 {
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

// ask asks one host for NICs. Where it may not be asked they count as come. One that
// is plugged there and not ready any more, as when its controller starts, stays there.
func (e *Ready) ask(ctx context.Context, host string, nics map[string]bool) {
	plugged, err := e.peers.Plugged(ctx, host)
	unaskable := errors.Is(err, store.ErrMayNotAsk)
	switch {
	case unaskable:
		e.log.Warn("NICs are taken to be at the host that they name first, without knowing", "host", host, "error", err)
	case err != nil:
		e.log.Debug("it is not known which NICs another host has", "host", host, "error", err)
		return
	}
	ready := map[string]bool{} // by NIC that is plugged there
	for _, n := range plugged {
		ready[n.ID] = n.Ready
	}
	e.mu.Lock()
	if e.unaskable == nil {
		e.unaskable = map[string]bool{}
	}
	e.unaskable[host] = unaskable
	there := maps.Clone(e.ready)
	for nic := range nics {
		_, at := ready[nic]
		switch {
		case e.wanted[nic] != host:
		case unaskable || ready[nic]:
			there[nic] = host
		case !at:
			delete(there, nic)
		}
	}
	news := !maps.Equal(there, e.ready)
	e.ready = there
	e.mu.Unlock()
	if news {
		e.notify()
	}
}
