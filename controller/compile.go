package controller

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/span"
)

// compiled is the compiler with the desired flows. Only the engine's goroutine changes
// it, and reads it without a lock; others read it by read.
type compiled struct {
	compiler *ofrules.Compiler

	mu     sync.RWMutex // held to change any of these; never while waiting
	uplink uint32       // ofport of the last update
}

func newCompiled() *compiled { return &compiled{compiler: ofrules.New()} }

// update compiles what changed, or the whole share if d is full: then it returns how the
// flows differ only if those before are known. It holds the lock meanwhile, so that nobody
// reads a half-changed compiler.
func (c *compiled) update(s *span.Share, h ofrules.Host, d span.Delta, known bool) ofrules.Delta {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uplink = h.Uplink
	if d.Full && !known {
		c.compiler.Anew(s, h)
		return ofrules.Delta{}
	}
	return c.compiler.Update(s, h, d)
}

// read calls fn with the compiler, which does not change until fn returns.
func (c *compiled) read(fn func(c *ofrules.Compiler, uplink uint32)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	fn(c.compiler, c.uplink)
}

// compile updates the desired flows to the latest share and to what is plugged, and tells
// the sweeper what that may take away. It does nothing, and loaded is false, before there
// is a share and it is known which NICs are served elsewhere.
func (e *engine) compile(in hostInput) (at share.Point, loaded bool) {
	e.announcePlugs(in)
	if !in.newerKnown {
		return at, false
	}
	return e.share.Take(func(s *span.Share, ch share.Changes) {
		e.markUnsure(maps.Keys(ch.Loss.Filtered))
		e.tables.compile(s, in.host, ch.Share)
		e.desk.Changed()
		e.sweeper.Expect(revoke.Work{Lost: revoke.LostOf(ch.Loss, ch.Policy, in.zones)})
		e.markUnsure(slices.Values(in.zoneOfOther))
		e.sweeper.Expect(revoke.Work{Lost: revoke.LostNICs(in.zoneNew...), Moved: e.tables.hostMoved(in.host)}) // their zones were others', or the policy
	})
}

// awaitFirstHosts has the hosts asked that NICs of this one name first. It returns for how
// long the flows have to stay as they are until these have answered, 0 for no time: a NIC
// that is ready there must not be served here meanwhile. Where a kept share is in force its
// word goes, as others cannot be asked.
func (e *engine) awaitFirstHosts(in hostInput, loaded bool) time.Duration {
	if !loaded || in.asKept {
		return 0
	}
	return e.ready.Want(e.tables.desired.compiler.Prefer())
}

// announcePlugs tells the share's source which NICs are plugged, as the share is of
// those: all of them at first, and after that the ones that were looked at.
func (e *engine) announcePlugs(in hostInput) {
	looked := in.looked
	if looked == nil || !e.announced {
		looked = map[string]struct{}{}
		for nic := range in.claims {
			looked[nic] = struct{}{}
		}
	}
	nics := make(map[string]bool, len(looked))
	for nic := range looked {
		_, nics[nic] = in.claims[nic]
	}
	e.announce(nics, in.looked == nil || !e.announced)
}

// announce tells the share's source which NICs are plugged and which are not any more; all,
// that there are no others.
func (e *engine) announce(nics map[string]bool, all bool) {
	if all || len(nics) > 0 {
		e.cfg.Share.Plug(nics, all)
	}
	e.announced = true
}
