package controller

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// drift collects the flows that others changed, as the switch's flow monitor reports
// them, until the engine drains it to repair them.
type drift struct {
	mu    sync.Mutex
	flows map[openflow.FlowKey]*openflow.Flow // as they are now; nil = gone
}

func newDrift() *drift { return &drift{flows: map[openflow.FlowKey]*openflow.Flow{}} }

// note adds updates of the flow monitor, and reports whether there is drift. The
// monitor abbreviates our own changes, which are no drift, and sends others' in full.
func (d *drift) note(updates []wire.FlowUpdate) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, u := range updates {
		switch u.Event {
		case wire.FlowAdded, wire.FlowModified:
			d.flows[u.Flow.Key()] = &u.Flow
		case wire.FlowRemovedNow:
			d.flows[u.Flow.Key()] = nil
		default: // our own changes
		}
	}
	return len(d.flows) > 0
}

func (d *drift) drain() map[openflow.FlowKey]*openflow.Flow {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.flows) == 0 {
		return nil
	}
	out := d.flows
	d.flows = map[openflow.FlowKey]*openflow.Flow{}
	return out
}

// readTimeout bounds reading the flows back.
const readTimeout = 30 * time.Second

// readBack reads the flows that are under our control, and calls fn with some of them
// after the other.
func readBack(ctx context.Context, conn *ofconn.Conn, fn func(some []openflow.Flow)) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return conn.Walk(ctx, 0, 0, func(some []wire.FlowStats) {
		part := make([]openflow.Flow, 0, len(some))
		for _, f := range some {
			if kind := f.Cookie & ofrules.KindMask; ours(f.Flow) && kind != ofrules.PickUpCookie && kind != ofrules.WatchCookie { // they end by themselves
				part = append(part, f.Flow)
			}
		}
		fn(part)
	})
}

// reading is all flows that were read back.
type reading struct {
	flows []openflow.Flow
	err   error
}

// startReading reads the flows back in a goroutine of its own.
func startReading(ctx context.Context, conn *ofconn.Conn) <-chan reading {
	done := make(chan reading, 1)
	go func() {
		var parts [][]openflow.Flow
		err := readBack(ctx, conn, func(some []openflow.Flow) { parts = append(parts, some) })
		done <- reading{slices.Concat(parts...), err}
	}()
	return done
}

// ours tells whether a flow is under our control: it has our cookie, or it is
// in the inside of our pipeline, where nobody else has any business and a flow
// could open or shut a NIC. Flows of others in the entry table, which is the
// bridge's front door, and in tables that are not ours stay untouched.
func ours(f openflow.Flow) bool {
	if f.Cookie&ofrules.CookieMask == ofrules.CookieOwner {
		return true
	}
	_, table := ofrules.TableNames()[f.Table]
	return table && f.Table != ofrules.TableEntry
}

// repair returns the delta that makes the drifted flows the desired ones again.
// Others' flows are deleted only where they are ours to keep, see ours.
func repair(drifted map[openflow.FlowKey]*openflow.Flow, desired func(openflow.FlowKey) (openflow.Flow, bool)) ofrules.Delta {
	var have, want []openflow.Flow
	for k, now := range drifted {
		f, ok := desired(k)
		if ok {
			want = append(want, f)
		}
		if now != nil && (ok || ours(*now)) {
			have = append(have, *now)
		}
	}
	return ofrules.Diff(have, want)
}

// audit reads the flows back every so often although nothing seems wrong, in a goroutine
// beside the engine. The engine compares them as they come, so that of one that is right
// only the key is kept, and no change waits for the comparison of all; what the engine has
// not taken yet waits at the connection as it came. Flows that the engine changes meanwhile,
// or is to change, are not compared: the dump may show them as they were before or after.
type audit struct {
	conn    *ofconn.Conn
	touched map[openflow.FlowKey]struct{} // flows that were changed since it started; nil: none is under way
	parts   <-chan auditPart
	right   []openflow.FlowKey // of the flows that are as desired; their matches are the compiler's own
	wrong   []openflow.Flow    // the others
	repair  ofrules.Delta      // what the last one found wrong, to be put right by the next step
}

// auditPart is some of the flows that an audit reads, or its end.
type auditPart struct {
	flows []openflow.Flow
	end   bool
	err   error // why it has ended early
}

// auditAhead is how many parts are made ready while the engine takes a step, and are taken
// after it, so that an audit ends although there is a step after the other.
const auditAhead = 8

// start begins an audit, unless one is under way.
func (a *audit) start(ctx context.Context, conn *ofconn.Conn) {
	if a.touched != nil || conn == nil {
		return
	}
	parts := make(chan auditPart, auditAhead)
	a.conn, a.parts, a.touched = conn, parts, map[openflow.FlowKey]struct{}{}
	go func() {
		defer close(parts)
		hand := func(p auditPart) {
			select {
			case parts <- p:
			case <-ctx.Done():
			}
		}
		err := readBack(ctx, conn, func(some []openflow.Flow) { hand(auditPart{flows: some}) })
		hand(auditPart{end: true, err: err})
	}()
}

// touch notes flows that are sent to the switch, so that they are not compared.
func (a *audit) touch(d ofrules.Delta) {
	if a.touched == nil {
		return
	}
	for _, f := range d.Put {
		a.touched[f.Key()] = struct{}{}
	}
	for _, f := range d.Delete {
		a.touched[f.Key()] = struct{}{}
	}
}

// compare takes note of some of the switch's flows.
func (a *audit) compare(some []openflow.Flow, desired *ofrules.Compiler) {
	for _, f := range some {
		if want, ok := desired.Flow(f.Key()); ok && want == f {
			a.right = append(a.right, want.Key())
		} else {
			a.wrong = append(a.wrong, f)
		}
	}
}

// differences returns what makes the flows that were read the desired ones, but for those
// that were touched.
func (a *audit) differences(desired *ofrules.Compiler) ofrules.Delta {
	missing := desired.Len()
	for k := range a.touched {
		if _, ok := desired.Flow(k); ok {
			missing--
		}
	}
	isTouched := func(k openflow.FlowKey) bool { _, ok := a.touched[k]; return ok }
	right := slices.DeleteFunc(a.right, isTouched)
	wrong := slices.DeleteFunc(a.wrong, func(f openflow.Flow) bool { return isTouched(f.Key()) })
	if missing -= len(right); missing == 0 && len(wrong) == 0 {
		return ofrules.Delta{}
	}
	isRight := make(map[openflow.FlowKey]struct{}, len(right))
	for _, k := range right {
		isRight[k] = struct{}{}
	}
	want := slices.DeleteFunc(desired.Flows(), func(f openflow.Flow) bool {
		_, ok := isRight[f.Key()]
		return ok || isTouched(f.Key())
	})
	return ofrules.Diff(wrong, want)
}

// audited takes in a part of an audit. At its end it notes the repair, and if there is
// something to repair it has the engine take a step.
func (e *engine) audited(p auditPart) {
	a := &e.audit
	if !p.end {
		a.compare(p.flows, e.tables.desired.compiler)
		return
	}
	a.touch(e.tables.pending)
	for k := range e.tables.install.refused {
		a.touched[k] = struct{}{}
	}
	if p.err == nil && a.conn == e.conn && e.tables.known { // else the switch is about to be read back anyway
		if a.repair = a.differences(e.tables.desired.compiler); !a.repair.Empty() {
			e.notify()
		}
	}
	*a = audit{repair: a.repair}
}

// takeReady takes in the parts of an audit that are ready.
func (e *engine) takeReady() {
	for range auditAhead {
		select {
		case part := <-e.audit.parts:
			e.audited(part)
		default:
			return
		}
	}
}

// endReading waits for what is being read back. Its context has ended.
func (e *engine) endReading() {
	if e.audit.touched != nil {
		for range e.audit.parts {
		}
	}
	if e.ahead != nil {
		<-e.ahead
	}
}
