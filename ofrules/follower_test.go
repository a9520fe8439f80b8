package ofrules

import (
	"maps"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// Follower has a compiler follow a whole policy by the share of its host.
type Follower struct {
	*Compiler
	policy *secgroup.Snapshot
	local  *span.Local
}

// Follow returns a follower that has not compiled anything yet.
func Follow(policy *secgroup.Snapshot) *Follower { return follow(policy, New()) }

func follow(policy *secgroup.Snapshot, c *Compiler) *Follower {
	return &Follower{Compiler: c, policy: policy}
}

// Update follows changes that the policy has had, all those since the last call;
// the first time it compiles from scratch.
func (f *Follower) Update(h Host, t ...secgroup.Touched) Delta {
	if f.local == nil {
		f.local = span.NewLocal(f.policy, h.Name)
		t, h.Changed = nil, nil
	}
	for _, touched := range t {
		f.local.Apply(touched)
	}
	if h.Changed == nil {
		f.local.PlugAll(maps.Keys(h.Ports))
	} else {
		changed := map[string]bool{}
		for id := range h.Changed {
			_, changed[id] = h.Ports[id]
		}
		f.local.Plug(changed)
	}
	share, d := f.local.Take()
	return f.Compiler.Update(share, h, d)
}

// Share is the share of a host.
func Share(policy *secgroup.Snapshot, h Host) *span.Share {
	return span.Span(policy, h.Name, maps.Keys(h.Ports))
}
