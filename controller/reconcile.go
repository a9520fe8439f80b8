package controller

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/wire"
)

// readAhead has the flows read back if it is unknown what the switch has. It is called
// as soon as it may be, as the share may still be on its way.
func (e *engine) readAhead(ctx context.Context) {
	if e.tables.known || e.ahead != nil {
		return
	}
	e.link.drift.drain() // what comes later is repaired in reconcile
	e.ahead = startReading(ctx, e.conn)
}

// reconcile makes the switch's flows the desired ones. While it is unknown what the
// switch has, that is read back first, and flows that are right already are not sent
// again.
func (e *engine) reconcile(ctx context.Context) error {
	if !e.tables.known {
		e.readAhead(ctx)
		r := <-e.ahead
		if e.ahead = nil; r.err != nil {
			return r.err
		}
		e.markUnfilteredUnsure(r.flows, e.tables.adopt(r.flows))
		// Connections may have begun by flows that are not ours.
		e.sweeper.Expect(revoke.Work{Lost: revoke.Lost{All: true}})
		e.audit.repair = ofrules.Delta{} // it is of flows of before
	}
	e.repair(e.audit.repair.Then(repair(e.link.drift.drain(), e.tables.flow)))
	e.audit.repair = ofrules.Delta{}
	e.tables.retryRefused(time.Now())
	pending := e.tables.pending
	if pending.Empty() {
		e.tables.known = true
		return nil
	}
	e.sweeper.Expect(revoke.Work{Changed: true, Narrowed: !pending.OnlyAdds()})
	e.audit.touch(pending)
	e.pace.spend(time.Now(), e.cache.Cost())
	if err := e.tables.send(ctx, notifyingBundler{e.conn, e.cfg.Alive}); err != nil {
		return err
	}
	e.cache.Committed()
	e.metrics.flowMods.Add(float64(len(pending.Put) + len(pending.Delete)))
	return nil
}

// notifyingBundler calls beforeBundle ahead of each bundle: a change may need many, and
// the loop is not stuck while it sends them.
type notifyingBundler struct {
	bundler
	beforeBundle func()
}

func (t notifyingBundler) Bundle(ctx context.Context, mods []wire.FlowMod) error {
	t.beforeBundle()
	return t.bundler.Bundle(ctx, mods)
}

// repair has flows put right that somebody else changed, and all connections judged
// again: the wrong flows may have let some through.
func (e *engine) repair(fix ofrules.Delta) {
	if fix.Empty() {
		return
	}
	e.metrics.drift.Add(float64(len(fix.Put) + len(fix.Delete)))
	e.log.Warn("flows were changed by somebody else; putting them right", "put", len(fix.Put), "delete", len(fix.Delete))
	e.sweeper.Expect(revoke.Work{Lost: revoke.Lost{All: true}})
	e.tables.repair(fix)
}
