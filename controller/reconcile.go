package controller

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/wire"
)

// reconcile installs what is compiled. While the switch's content is unknown it is
// read back and adopted: what is right already is not sent again.
func (e *engine) reconcile(ctx context.Context) error {
	drifted := e.link.drift.drain() // what comes from now on is for the next step
	switch {
	case !e.tables.known:
		have, err := readBack(ctx, e.conn)
		if err != nil {
			return err
		}
		e.markUnfilteredUnsure(have, e.tables.adopt(have))
		// Nobody knows what passed meanwhile.
		e.sweeper.Expect(revoke.Work{Lost: revoke.Lost{All: true}})
	default:
		e.repair(e.audit.found.Then(repair(drifted, e.tables.flow)))
	}
	e.audit.found = ofrules.Delta{}
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

// notifyingBundler tells before each bundle that the loop goes on: a change may need many,
// and each its time.
type notifyingBundler struct {
	bundler
	beforeBundle func()
}

func (t notifyingBundler) Bundle(ctx context.Context, mods []wire.FlowMod) error {
	t.beforeBundle()
	return t.bundler.Bundle(ctx, mods)
}

// repair has flows put right that somebody else changed. Until then they may
// have let connections through.
func (e *engine) repair(fix ofrules.Delta) {
	if fix.Empty() {
		return
	}
	e.metrics.drift.Add(float64(len(fix.Put) + len(fix.Delete)))
	e.log.Warn("flows were changed by somebody else; putting them right", "put", len(fix.Put), "delete", len(fix.Delete))
	e.sweeper.Expect(revoke.Work{Lost: revoke.Lost{All: true}})
	e.tables.repair(fix)
}
