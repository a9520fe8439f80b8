package relay

import (
	"context"
	"maps"
	"time"

	"github.com/ringfence/ringfence/store"
)

const (
	// reportEvery is in which time the store is told of what nobody waits for, and four
	// times that of revisions that concern no host: reports of hosts are slow facts, and
	// how all of them stand is one write however many have moved.
	reportEvery = 25 * time.Millisecond
	// reportApart is the least time between two writes of a relay.
	reportApart = 10 * time.Millisecond
)

// reportHosts tells the store of the hosts until ctx ends.
func (r *Relay) reportHosts(ctx context.Context) error {
	var said store.RelayStanding
	for {
		r.mu.Lock()
		moved := r.changed
		r.mu.Unlock()
		if err := r.writeReports(ctx, &said); err != nil && ctx.Err() == nil {
			r.log.Debug("hosts are not reported; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(reportApart):
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		case <-time.After(reportAgain): // of what failed, or was lost with a lease
			said = store.RelayStanding{}
		}
		if err := r.awaitWrite(ctx); err != nil {
			return err
		}
	}
}

// awaitWrite waits until the store is to be told.
func (r *Relay) awaitWrite(ctx context.Context) error {
	for begun := time.Now(); ; {
		r.mu.Lock()
		left, moved := r.writeWithin()-time.Since(begun), r.changed
		r.mu.Unlock()
		if left <= 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(left):
		case <-moved:
		}
	}
}

// writeWithin is how soon the store is to be told of what is new. Somebody may wait for a
// host that is about to attach, and for hosts that have applied a change, once there is
// none that is only now about to. That a host is behind since that change nobody waits
// for, as the store believes no host to be further than the relay said last; and that
// hosts have come to a revision which concerns none of them, least of all. The caller
// holds mu.
func (r *Relay) writeWithin() time.Duration {
	for host := range r.expected {
		if _, told := r.standingWritten.Behind[host]; !told && r.sessions[host] == nil {
			return 0
		}
	}
	for host := range r.behind {
		_, told := r.standingWritten.Behind[host]
		if _, partly := r.further[host]; !told && !partly {
			return r.cfg.timing.report
		}
	}
	switch {
	case r.progress:
		return 0
	case len(r.dirty)+len(r.left) > 0:
		return r.cfg.timing.report
	}
	return 4 * r.cfg.timing.report
}

// reportAgain is after which time without any change the standing is written again.
const reportAgain = 5 * time.Second

// writeStanding writes how the hosts stand, unless that was written last.
func (r *Relay) writeStanding(ctx context.Context, said *store.RelayStanding) error {
	now := r.standing()
	if now.Relay == said.Relay && now.Revision == said.Revision && now.Mark == said.Mark && maps.Equal(now.Behind, said.Behind) && maps.EqualFunc(now.Further, said.Further, store.Further.Same) {
		return nil
	}
	if err := r.cfg.Board.PutRelay(ctx, now); err != nil {
		return err
	}
	*said = now
	r.mu.Lock()
	defer r.mu.Unlock()
	r.standingWritten = now
	close(r.standingChanged)
	r.standingChanged = make(chan struct{})
	return nil
}

// standing is how the hosts stand. One that has left counts as it stood until the
// store knows that.
func (r *Relay) standing() store.RelayStanding {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress = false
	return store.RelayStanding{Relay: r.cfg.Name, Revision: r.at.revision, Mark: r.at.mark, Behind: maps.Clone(r.behind), Further: maps.Clone(r.further)}
}
