package relay

import (
	"context"
	"maps"

	"github.com/ringfence/ringfence/store"
)

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
