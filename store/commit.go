package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// outcome is what became of an attempt to commit a draft.
type outcome uint8

const (
	committed  outcome = iota // at rev
	conflicted                // its conditions did not hold; the policy was at head
	lostUnmade                // sent, lost, and certain not to be made; the policy was at head
	wentBack                  // the store does not have the history that it was planned on
	unsent                    // there was no connection
	failed                    // etcd refused it, or what became of it is unknown: err says so
)

type commitResult struct {
	outcome outcome
	rev     int64
	own     *ownWrite // nil if it is not known what etcd answered
	head    Write
	err     error
}

// commit tries a draft once.
func (s *Store) commit(ctx context.Context, d *draft) commitResult {
	switch l, err := s.hasHistory(ctx, d.head); {
	case err != nil:
		return commitResult{outcome: unsent, err: s.link.Failed("update", err)}
	case l != link.SameHistory:
		return commitResult{outcome: wentBack}
	}
	whole, err := s.transaction(ctx, d)
	if err != nil {
		return commitResult{outcome: unsent, err: s.link.Failed("update", err)}
	}
	compares, ops, err := whole.arrange(s.link.Keys, s.link.Config.MaxTxnOps)
	if err != nil {
		return commitResult{outcome: failed, err: &OpError{Op: "update", Kind: ErrTooLarge, Err: err}}
	}
	txnCtx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	txnCtx, sent := link.NoteSent(txnCtx)
	r, err := s.link.Client.Txn(txnCtx).If(compares...).Then(ops...).Else(d.failureReads(s.link.Keys)...).Commit()
	switch {
	case err == nil && r.Succeeded:
		return commitResult{outcome: committed, rev: r.Header.Revision, own: d.asOwnWrite(s.link.Keys, r)}
	case err == nil && d.hasNoteTaken(r):
		return commitResult{outcome: failed, err: &OpError{Op: "update", Kind: ErrNoteTaken}}
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		s.link.Leases.Forget()
		return commitResult{outcome: conflicted, head: d.head}
	case err == nil:
		return d.conflictAt(r.Responses[0].GetResponseRange().Kvs)
	case errors.Is(err, rpctypes.ErrKeyNotFound): // a nested condition
		r, err := s.link.Client.Get(txnCtx, s.link.Keys.Head())
		if err != nil {
			return commitResult{outcome: unsent, err: s.link.Failed("update", err)}
		}
		return d.conflictAt(r.Kvs)
	case link.Refused(err):
		return commitResult{outcome: failed, err: s.link.Failed("update", err)}
	case !*sent:
		return commitResult{outcome: unsent, err: s.link.Failed("update", err)}
	}
	made, head, unresolved := s.resolve(d)
	switch {
	case unresolved != nil:
		return commitResult{outcome: failed, err: &OpError{Op: "update", Kind: ErrOutcomeUnknown, Err: fmt.Errorf("%w; then: %w", err, unresolved)}}
	case made:
		return commitResult{outcome: committed, rev: head.Revision}
	}
	return commitResult{outcome: lostUnmade, head: head, err: s.link.Failed("update", err)}
}

// conflictAt is what becomes of a draft whose conditions do not hold, in a store
// with that head.
func (d *draft) conflictAt(kvs []*mvccpb.KeyValue) commitResult {
	var head Write
	if len(kvs) > 0 {
		head = record.WriteOf(kvs[0])
	}
	if head.Revision < d.head.Revision || head.Revision == d.head.Revision && head.Mark != d.head.Mark {
		return commitResult{outcome: wentBack}
	}
	return commitResult{outcome: conflicted, head: head}
}

// hasHistory finds out whether the store that requests go to has the history that
// ends with head, if there are other connections than when it last had.
func (s *Store) hasHistory(ctx context.Context, head Write) (link.Lineage, error) {
	made := s.link.Conns.Made.Load()
	if made == s.proven.Load() || head.Revision == 0 {
		return link.SameHistory, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	t, err := s.link.Testify(ctx, head)
	if err != nil {
		return link.Unproven, err
	}
	if t.Lineage == link.SameHistory {
		s.proven.Store(made)
	}
	return t.Lineage, nil
}

// awaitHistory waits until the cache has gone on from what a draft was planned on:
// to the store's other history, or to a point of this one that can be proved.
func (s *Store) awaitHistory(ctx context.Context, c *cache, d *draft) error {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	for {
		beat := c.pulse.Next()
		if c.epoch().number != d.from.number || c.revision() != d.rev {
			return nil
		}
		select {
		case <-s.link.Ctx.Done():
			return s.link.Failed("update", ErrClosed)
		case <-ctx.Done():
			return s.link.Failed("update", fmt.Errorf("%w: %w", link.ErrWentBack, ctx.Err()))
		case <-beat:
		}
	}
}

// reconnect spares a request the rest of gRPC's wait between attempts to
// connect, after an outage that the feeds, with new connections, know is over.
func (s *Store) reconnect(ctx context.Context) {
	s.link.Client.ActiveConnection().ResetConnectBackoff()
	select {
	case <-ctx.Done():
	case <-time.After(link.RetryDelayMin):
	}
}
