package controller

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
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
		e.back = ofrules.Diff(have, e.compiler.Flows())
		e.install.forget()
		e.audit = false
		// Nobody knows what passed meanwhile.
		e.sweeper.expect(sweep{concern: concern{all: true}})
	case e.audit:
		e.audit = false
		if err := e.inspect(ctx); err != nil {
			return err
		}
	default:
		e.repair(repair(drifted, e.compiler.Flow))
	}
	if !e.refused.IsZero() && !time.Now().Before(e.refused) {
		e.refused = time.Time{}
		e.back = e.install.again(e.compiler.Flow).Then(e.back)
	}
	if e.back.Empty() {
		e.known = true
		return nil
	}
	e.sweeper.expect(sweep{changed: true, narrowed: !e.back.OnlyAdds()})
	e.known = false // until the switch says so
	e.pace.spend(time.Now(), e.passes.cost())
	if err := e.install.apply(ctx, e.conn, e.back); err != nil {
		return err
	}
	e.passes.committed()
	e.metrics.flowMods.Add(float64(len(e.back.Put) + len(e.back.Delete)))
	e.known, e.back = true, ofrules.Delta{}
	return nil
}

// inspect reads the flows back although they should be known, and has what
// differs put right.
func (e *engine) inspect(ctx context.Context) error {
	have, err := readBack(ctx, e.conn)
	if err != nil {
		return err
	}
	fix := ofrules.Diff(have, e.compiler.Flows())
	due := map[openflow.FlowKey]bool{} // known to be missing or in excess
	for _, f := range e.back.Put {
		due[f.Key()] = true
	}
	for _, f := range e.back.Delete {
		due[f.Key()] = true
	}
	known := func(f openflow.Flow) bool {
		_, refused := e.install.refused[f.Key()]
		return refused || due[f.Key()]
	}
	e.repair(ofrules.Delta{Put: without(fix.Put, known), Delete: without(fix.Delete, known), Replaced: fix.Replaced})
	return nil
}

// without returns the flows that are not known.
func without(flows []openflow.Flow, known func(openflow.Flow) bool) []openflow.Flow {
	var out []openflow.Flow
	for _, f := range flows {
		if !known(f) {
			out = append(out, f)
		}
	}
	return out
}

// repair has flows put right that somebody else changed. Until then they may
// have let connections through.
func (e *engine) repair(fix ofrules.Delta) {
	if fix.Empty() {
		return
	}
	e.metrics.drift.Add(float64(len(fix.Put) + len(fix.Delete)))
	e.log.Warn("flows were changed by somebody else; putting them right", "put", len(fix.Put), "delete", len(fix.Delete))
	e.sweeper.expect(sweep{concern: concern{all: true}})
	e.back = fix.Then(e.back)
}
