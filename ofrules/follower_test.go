package ofrules

import (
	"maps"

	"github.com/ringfence/ringfence/internal/sharetest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// Follower has a compiler follow a whole policy by the share of its host.
type Follower struct {
	*Compiler
	policy *secgroup.Snapshot
	local  *sharetest.Local
}

// Follow returns a follower that has not compiled anything yet.
func Follow(policy *secgroup.Snapshot) *Follower { return follow(policy, New()) }

func follow(policy *secgroup.Snapshot, c *Compiler) *Follower {
	return &Follower{Compiler: c, policy: policy}
}

// Apply takes a change of the policy, which it then is, to be compiled later.
func (f *Follower) Apply(policy *secgroup.Snapshot, t secgroup.Touched) {
	f.policy = policy
	if f.local != nil {
		f.local.Apply(policy, t)
	}
}

// Update compiles what has changed since the last time; the first time it compiles
// from scratch.
func (f *Follower) Update(h Host) Delta {
	if f.local == nil {
		f.local = sharetest.New(f.policy, h.Name)
		h.Changed = nil
	}
	f.plug(h)
	share, d := f.local.Take()
	return f.Compiler.Update(share, h, d)
}

// plug has the share be that of what is plugged.
func (f *Follower) plug(h Host) {
	if h.Changed == nil {
		f.local.PlugAll(maps.Keys(h.Ports))
	} else {
		changed := map[string]bool{}
		for id := range h.Changed {
			_, changed[id] = h.Ports[id]
		}
		f.local.Plug(changed)
	}
}

// Share is the share of a host.
func Share(policy *secgroup.Snapshot, h Host) *span.Share {
	return span.Span(policy, h.Name, maps.Keys(h.Ports))
}
