// Package whole gives a host its share of the policy in a process that follows the
// whole policy in a store, and judges by it what takes the rules of both ends.
package whole

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// Follower brings the whole policy, as a *store.Store does.
type Follower interface {
	Follow(ctx context.Context, h store.Handler) error
}

// ErrNotRead says that the policy was not read yet.
var ErrNotRead = errors.New("the policy was not read yet")

// Policy is the whole policy, of which one host gets its share. It is a
// share.Source.
type Policy struct {
	from Follower
	host string

	// turn is held while the share changes, and until that was handed on: deltas are
	// handed on in their order.
	turn    sync.Mutex
	to      share.Handler
	plugged map[string]bool // nil: nobody has said it yet
	index   *span.Index     // of the policy; nil while there is nothing to give
	last    share.Update    // without its delta

	policy atomic.Pointer[secgroup.Snapshot] // nil: it was not read yet; changed with turn
}

// New returns the source of a host's share.
func New(from Follower, host string) *Policy {
	return &Policy{from: from, host: host}
}

// Follow hands h the share and its changes until ctx ends.
func (p *Policy) Follow(ctx context.Context, h share.Handler) error {
	p.turn.Lock()
	p.to = h
	p.turn.Unlock()
	return p.from.Follow(ctx, p)
}

// Plug is that of share.Source. What it changes was handed on when it returns.
func (p *Policy) Plug(nics map[string]bool, all bool) {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.plugged == nil {
		p.plugged, all = map[string]bool{}, true
	}
	change := maps.Clone(nics)
	if change == nil {
		change = map[string]bool{}
	}
	if all {
		for id := range p.plugged {
			if _, told := change[id]; !told {
				change[id] = false
			}
		}
	}
	for id, is := range change {
		if is {
			p.plugged[id] = true
		} else {
			delete(p.plugged, id)
		}
	}
	switch {
	case p.index != nil:
		p.hand(p.index.Plug(p.host, change))
	case p.policy.Load() != nil:
		p.begin()
	}
}

// begin hands on the share of the policy that there is now.
func (p *Policy) begin() {
	p.index = span.NewIndex(p.policy.Load())
	p.hand(p.index.Plug(p.host, p.plugged))
}

func (p *Policy) hand(d span.Delta) {
	if p.to == nil || d.Empty() {
		return
	}
	u := p.last
	u.Delta = d
	p.to.Handle(u)
}

// Handle takes the next batch of the policy's history. It is that of store.Handler.
func (p *Policy) Handle(_ context.Context, b store.Batch) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	if b.Full != nil {
		p.index = nil
	}
	policy, touched := b.After(p.State())
	p.policy.Store(policy)
	p.last = share.Update{Revision: b.Revision, Mark: b.Mark, Unreadable: b.Unreadable}
	switch {
	case p.plugged == nil:
	case p.index == nil:
		p.begin()
	default:
		u := p.last
		u.Delta = p.index.Apply(policy, touched)[p.host]
		p.to.Handle(u)
	}
	return nil
}

// State returns the policy after all batches so far.
func (p *Policy) State() *secgroup.Snapshot {
	if policy := p.policy.Load(); policy != nil {
		return policy
	}
	return secgroup.NewSnapshot()
}

// Judge is that of revoke.Judge.
func (p *Policy) Judge(_ context.Context, conns []impact.Open) ([]bool, error) {
	policy := p.policy.Load()
	if policy == nil {
		return nil, ErrNotRead
	}
	return impact.AllowedAll(policy, conns), nil
}
