package relay

import (
	"context"
	"maps"
	"time"

	"github.com/ringfence/ringfence/store"
)

const (
	// reportEvery is the time within which the store is written what nobody waits for; it is
	// four times as long for revisions that concern no host. Changes that come within that
	// time are one write.
	reportEvery = 25 * time.Millisecond
	// reportApart is the least time between two writes of a relay.
	reportApart = 10 * time.Millisecond
)

// reportHosts writes the standing and the reports of the hosts to the store whenever they
// change, until ctx ends.
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

// awaitWrite returns when what has changed is to be written, see writeWithin.
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

// writeWithin is how soon what has changed is to be written to the store:
//
//   - at once, if a host is about to attach and the store does not know yet that it is
//     behind, or if hosts have applied a change, once all hosts that it concerns are known
//     to the store as behind: somebody may wait for either;
//   - within timing.report, if hosts are behind since a change: nobody waits for that, as
//     no host counts as further than the standing says;
//   - within four times that, if only the relay's revision has changed.
//
// The caller holds mu.
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

// reportAgain is the time without any change after which the standing is written again: a
// write may have failed, or was lost with a lease.
const reportAgain = 5 * time.Second

// writeStanding writes the relay's standing, unless it is the one that was written last.
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

// standing returns the standing to be written, and notes that all progress is in it. A host
// that has left stays as it was until its last report is written.
func (r *Relay) standing() store.RelayStanding {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress = false
	return store.RelayStanding{Relay: r.cfg.Name, Revision: r.at.revision, Mark: r.at.mark, Behind: maps.Clone(r.behind), Further: maps.Clone(r.further)}
}
