package controller

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/ofrules"
)

// bring installs what is compiled. While the switch's content is unknown it is
// read back and adopted: what is right already is not sent again.
func (e *engine) bring(ctx context.Context) error {
	drifted := e.link.drift.take() // what comes from now on is for the next step
	switch {
	case !e.known:
		have, err := readBack(ctx, e.conn)
		if err != nil {
			return err
		}
		want := e.compiler.Flows()
		e.adopt(have, want)
		e.back = ofrules.Diff(have, want)
		e.install.forget()
		// Nobody knows what passed meanwhile.
		e.sweeper.Expect(revoke.Work{Loss: impact.Loss{All: true}})
	default:
		e.repair(e.audit.found.Then(repair(drifted, e.compiler.Flow)))
	}
	e.audit.found = ofrules.Delta{}
	if !e.refused.IsZero() && !time.Now().Before(e.refused) {
		e.refused = time.Time{}
		e.back = e.install.again(e.compiler.Flow).Then(e.back)
	}
	if e.back.Empty() {
		e.known = true
		return nil
	}
	e.sweeper.Expect(revoke.Work{Changed: true, Narrowed: !e.back.OnlyAdds()})
	e.audit.touch(e.back)
	e.known = false // until the switch says so
	e.pace.spend(time.Now(), e.cache.Cost())
	if err := e.install.apply(ctx, e.conn, e.back); err != nil {
		return err
	}
	e.cache.Committed()
	e.metrics.flowMods.Add(float64(len(e.back.Put) + len(e.back.Delete)))
	e.known, e.back = true, ofrules.Delta{}
	return nil
}

// repair has flows put right that somebody else changed. Until then they may
// have let connections through.
func (e *engine) repair(fix ofrules.Delta) {
	if fix.Empty() {
		return
	}
	e.metrics.drift.Add(float64(len(fix.Put) + len(fix.Delete)))
	e.log.Warn("flows were changed by somebody else; putting them right", "put", len(fix.Put), "delete", len(fix.Delete))
	e.sweeper.Expect(revoke.Work{Loss: impact.Loss{All: true}})
	e.back = fix.Then(e.back)
}
