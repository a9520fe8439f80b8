package elsewhere

import (
	"cmp"
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

const (
	// askEvery is how often a host is asked whether a NIC has come there. Until
	// then frames for a VM that was moved go to where it was, and a second is promised.
	askEvery = 100 * time.Millisecond
	// patience is for how long the flows stay as they are, by default, for a NIC that names
	// another host first, while that host has not been asked. Who cannot be asked for that
	// long must not keep other NICs from getting flows.
	patience = time.Second
)

// Ready finds out which NICs of this host are ready at another one, which they
// name first: until then they are served here, and again when they are not plugged
// there any more. It asks for as long as such a NIC is here, which is while a VM is
// moved: what a host has said may be what it had a moment ago.
type Ready struct {
	peers    Peers
	log      *slog.Logger
	notify   func() // called when Known or Want returns something else
	patience time.Duration
	wake     chan struct{}

	mu        sync.Mutex
	wanted    map[string]string // host by NIC
	asked     map[string]string // of those the ones that their host was asked for
	ready     map[string]string // of those the ones that are ready; it is not changed but replaced
	waitUntil time.Time         // when those that were not asked for are waited for no more
	unaskable map[string]bool   // hosts whose reports this one may not read
}

// NewReady returns a Ready that asks nobody until Run is called. peers is nil where nobody
// can tell. notify is called when Known or Want returns something else. wait is the longest
// wait that Want returns, 0 for the default of a second.
func NewReady(peers Peers, log *slog.Logger, wait time.Duration, notify func()) *Ready {
	return &Ready{
		peers: peers, log: log, notify: notify, patience: cmp.Or(wait, patience), wake: make(chan struct{}, 1), ready: map[string]string{}, unaskable: map[string]bool{},
	}
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
// each with that host. Before it is known of all of them whether they are ready there, the
// flows stay as they are: what it returns is for how long yet at most, 0 if it is known.
func (e *Ready) Want(wanted map[string]string) (wait time.Duration) {
	if e.peers == nil {
		return 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !maps.Equal(wanted, e.wanted) {
		if e.allAsked() {
			e.waitUntil = time.Now().Add(e.patience)
		}
		e.wanted = maps.Clone(wanted)
		e.asked, e.ready = stillWanted(e.asked, wanted), stillWanted(e.ready, wanted)
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
	if e.allAsked() {
		return 0
	}
	return max(0, time.Until(e.waitUntil))
}

// allAsked tells whether hosts were asked for all NICs. mu is held.
func (e *Ready) allAsked() bool { return len(e.asked) == len(e.wanted) }

// stillWanted returns those of some NICs that name the same host as before.
func stillWanted(nics, wanted map[string]string) map[string]string {
	still := map[string]string{}
	for nic, host := range nics {
		if wanted[nic] == host {
			still[nic] = host
		}
	}
	return still
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
	e.unaskable[host] = unaskable
	waiting, there := !e.allAsked(), maps.Clone(e.ready)
	for nic := range nics {
		if e.wanted[nic] != host {
			continue
		}
		e.asked[nic] = host
		_, at := ready[nic]
		switch {
		case unaskable || ready[nic]:
			there[nic] = host
		case !at:
			delete(there, nic)
		}
	}
	news := !maps.Equal(there, e.ready) || waiting && e.allAsked()
	e.ready = there
	e.mu.Unlock()
	if news {
		e.notify()
	}
}
