package relay

import (
	"context"
	"maps"
	"time"

	"github.com/ringfence/ringfence/store"
)

const (
	// reportEvery is the time between writes of a relay: reports of hosts are slow
	// facts, and how all of them stand is one write however many have moved.
	reportEvery = 25 * time.Millisecond
	// reportAfter is in which time most hosts have applied what they were sent.
	reportAfter = 3 * time.Millisecond
)

// keepReporting tells the store of the hosts until ctx ends.
func (r *Relay) keepReporting(ctx context.Context) error {
	var said store.RelayStanding
	for {
		r.mu.Lock()
		moved := r.moved
		r.mu.Unlock()
		if err := r.tell(ctx, &said); err != nil && ctx.Err() == nil {
			r.log.Debug("hosts are not reported; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(reportEvery):
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		case <-time.After(reportAgain): // of what failed, or was lost with a lease
			said = store.RelayStanding{}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(reportAfter):
		}
	}
}

// reportAgain is after which time without any change the standing is written again.
const reportAgain = 5 * time.Second

// tellStanding writes how the hosts stand, unless that was written last.
func (r *Relay) tellStanding(ctx context.Context, said *store.RelayStanding) error {
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
	r.stood = now
	close(r.wrote)
	r.wrote = make(chan struct{})
	return nil
}

// standing is how the hosts stand. One that has left counts as it stood until the
// store knows that.
func (r *Relay) standing() store.RelayStanding {
	r.mu.Lock()
	defer r.mu.Unlock()
	return store.RelayStanding{Relay: r.cfg.Name, Revision: r.at.revision, Mark: r.at.mark, Behind: maps.Clone(r.behind), Further: maps.Clone(r.further)}
}
