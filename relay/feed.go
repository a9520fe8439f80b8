package relay

import (
	"context"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// feed is a Relay in its role as a store.Handler.
type feed Relay

// State returns the policy; only Handle changes it.
func (f *feed) State() *secgroup.Snapshot { return f.policy }

// Handle applies the next batch to the policy, and offers what it changes to the hosts
// whose shares it changes.
func (f *feed) Handle(_ context.Context, b store.Batch) error {
	r := (*Relay)(f)
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.Full != nil {
		r.begin(b)
		return nil
	}
	policy, touched := b.After(r.policy)
	r.policy = policy
	r.at = point{b.Revision, b.Mark}
	deltas := r.index.Apply(policy, touched)
	for nic := range touched.NICs {
		if len(r.plugs.at[nic]) > 1 {
			r.mayBeElsewhere(nic)
		}
	}
	for host, d := range deltas {
		if s := r.sessions[host]; s != nil {
			s.offer(d)
		}
	}
	r.metrics.concerned.Observe(float64(len(deltas)))
	r.wakeAll()
	return nil
}

// begin replaces the policy by that of a full batch. Every host is sent its whole share.
func (r *Relay) begin(b store.Batch) {
	first := r.index == nil
	if !first {
		r.epochs.gone = r.epochs.now
	}
	r.policy = b.Full
	r.at = point{b.Revision, b.Mark}
	r.index = span.NewIndex(r.policy)
	for _, s := range r.sessions {
		plugged := make(map[string]bool, len(s.plugged))
		for nic := range s.plugged {
			plugged[nic] = true
		}
		r.index.Plug(s.host, plugged)
		s.begin()
	}
	for nic := range r.plugs.at {
		r.mayBeElsewhere(nic)
	}
	if first {
		close(r.loaded)
	}
	r.wakeAll()
}
