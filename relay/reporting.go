package relay

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"

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

// writeReports writes to the store what it does not have yet: the relay's standing, the
// reports of hosts, and the standing again. The standing comes before reports that name
// this relay, because a host with such a report counts as being at the relay's revision
// unless the standing says otherwise.
func (r *Relay) writeReports(ctx context.Context, said *store.RelayStanding) error {
	dirty, left, loaded := r.takeReports()
	if !loaded {
		return nil
	}
	if err := r.writeStanding(ctx, said); err != nil {
		r.requeue(dirty)
		return err
	}
	if len(dirty) > 0 {
		reports := make([]store.HostStatus, len(dirty))
		for i, d := range dirty {
			reports[i] = d.report
		}
		lost, err := r.cfg.Board.PutHosts(ctx, reports, false)
		if err != nil {
			r.requeue(dirty)
			return err
		}
		if err := r.reclaim(ctx, dirty, lost); err != nil {
			return err
		}
	}
	if len(left) > 0 {
		if _, err := r.cfg.Board.PutHosts(ctx, slices.Collect(maps.Values(left)), true); err != nil {
			return err
		}
		r.forget(left)
	}
	return r.writeStanding(ctx, said)
}

// dirty is a host whose report is to be written.
type dirty struct {
	s      *session
	report store.HostStatus
}

// takeReports returns the reports to be written: of attached hosts, which are not dirty any
// more, and of hosts that have left.
func (r *Relay) takeReports() (all []dirty, left map[string]store.HostStatus, loaded bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.dirty {
		s.reportedAt, s.countsDue = time.Now(), false
		all = append(all, dirty{s, r.report(s.hello, s.plugged, s.status)})
	}
	clear(r.dirty)
	left = maps.Clone(r.left)
	return all, left, r.index != nil
}

// requeue marks hosts dirty again whose reports could not be written.
func (r *Relay) requeue(all []dirty) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range all {
		if r.sessions[d.s.host] == d.s {
			r.dirty[d.s] = struct{}{}
		}
	}
}

// reclaim takes the seats of hosts again that this relay has lost, as its lease ended while
// etcd was away. It ends the sessions of hosts whose seats are another relay's or another
// machine's by now.
func (r *Relay) reclaim(ctx context.Context, all []dirty, lost []string) error {
	for _, d := range all {
		if !slices.Contains(lost, d.s.host) {
			continue
		}
		free, err := r.cfg.Board.SeatFree(ctx, d.s.host)
		if err == nil && free {
			err = r.cfg.Board.PutHost(ctx, d.report)
			free = !errors.Is(err, store.ErrSeatTaken)
		}
		switch {
		case !free && (err == nil || errors.Is(err, store.ErrSeatTaken)):
			d.s.end(&ending{code: codes.Aborted, retryable: true, after: r.cfg.timing.seat, reason: "the host's name is held at another relay"})
		case err != nil:
			r.requeue([]dirty{d})
			return err
		}
	}
	return nil
}

// forget drops hosts that have left once the store has their last reports.
func (r *Relay) forget(left map[string]store.HostStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for host := range left {
		delete(r.left, host)
		r.forgetBehind(host)
	}
}
