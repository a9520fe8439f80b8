package controller

import (
	"context"
	"sync/atomic"

	"github.com/ringfence/ringfence/internal/policytest"
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
	var all []secgroup.Change
	for o := range h.State().Objects() {
		all = append(all, secgroup.Put(o))
	}
	b.Full, _ = b.After(policytest.LoadAt(b.Revision, all))
	b.Broken, b.Changes = true, nil
	return h.Handler.Handle(ctx, b)
}
