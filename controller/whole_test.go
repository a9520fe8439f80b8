package controller

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// wholePolicy brings the whole policy anew with each change, if it is told to, as
// a store does that was restored from a backup.
type wholePolicy struct {
	*store.Store
	anew atomic.Bool
}

func (p *wholePolicy) Follow(ctx context.Context, h store.Handler) error {
	return p.Store.Follow(ctx, wholeHandler{h, &p.anew})
}

type wholeHandler struct {
	store.Handler
	anew *atomic.Bool
}

func (h wholeHandler) Handle(ctx context.Context, b store.Batch) error {
	if !h.anew.Load() {
		return h.Handler.Handle(ctx, b)
	}
	now := secgroup.NewSnapshot()
	for o := range h.State().Objects() {
		now, _ = now.With(b.Revision, []secgroup.Change{secgroup.Put(o)})
	}
	now, _ = now.With(b.Revision, b.Changes)
	b.Full, b.Broken, b.Changes = true, true, nil
	for _, o := range slices.Collect(now.Objects()) {
		b.Changes = append(b.Changes, secgroup.Put(o))
	}
	return h.Handler.Handle(ctx, b)
}
