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

// readBack dumps the flows that are under our control.
func readBack(ctx context.Context, conn *ofconn.Conn) ([]openflow.Flow, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var parts [][]openflow.Flow
	err := conn.Walk(ctx, 0, 0, func(some []wire.FlowStats) {
		part := make([]openflow.Flow, 0, len(some))
		for _, f := range some {
			if kind := f.Cookie & ofrules.KindMask; ours(f.Flow) && kind != ofrules.PickUpCookie && kind != ofrules.WatchCookie { // they end by themselves
				part = append(part, f.Flow)
			}
		}
		parts = append(parts, part)
	})
	if err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
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

// audit reads the flows back every so often although nothing seems wrong, in a
// goroutine beside the engine. Flows that the engine changes meanwhile are not
// compared: the dump may show them as they were before or after.
type audit struct {
	conn    *ofconn.Conn                  // nil: none is under way
	touched map[openflow.FlowKey]struct{} // flows that were changed since it started
	done    <-chan reading
	repair  ofrules.Delta // what the last one found wrong, to be put right by the next step
}

// reading is the result of a dump.
type reading struct {
	flows []openflow.Flow
	err   error
}

// startReading reads the flows back in a goroutine of its own.
func startReading(ctx context.Context, conn *ofconn.Conn) <-chan reading {
	done := make(chan reading, 1)
	go func() {
		flows, err := readBack(ctx, conn)
		done <- reading{flows, err}
	}()
	return done
}

// start begins an audit, unless one is under way.
func (a *audit) start(ctx context.Context, conn *ofconn.Conn) {
	if a.conn != nil || conn == nil {
		return
	}
	a.conn, a.touched, a.done = conn, map[openflow.FlowKey]struct{}{}, startReading(ctx, conn)
}

// touch notes flows that are sent to the switch, so that they are not compared.
func (a *audit) touch(d ofrules.Delta) {
	if a.conn == nil {
		return
	}
	for _, f := range d.Put {
		a.touched[f.Key()] = struct{}{}
	}
	for _, f := range d.Delete {
		a.touched[f.Key()] = struct{}{}
	}
}

// endReading waits for what is being read back. Its context has ended.
func (e *engine) endReading() {
	if e.audit.conn != nil {
		<-e.audit.done
	}
	if e.ahead != nil {
		<-e.ahead
	}
}

// audited compares a dump with the desired flows. If they differ it notes the
// repair, and has the engine take a step.
func (e *engine) audited(r reading) {
	conn := e.audit.conn
	touched := e.audit.touched
	e.audit.conn, e.audit.touched = nil, nil
	if r.err != nil || conn != e.conn || !e.tables.known {
		return // the switch is about to be read back anyway
	}
	for k := range e.tables.install.refused {
		touched[k] = struct{}{}
	}
	right, have := 0, r.flows[:0]
	for _, f := range r.flows {
		if _, skip := touched[f.Key()]; skip {
			continue
		}
		if want, ok := e.tables.flow(f.Key()); ok && want == f {
			right++
		}
		have = append(have, f)
	}
	expected := e.tables.len()
	for k := range touched {
		if _, ok := e.tables.flow(k); ok {
			expected--
		}
	}
	if right == expected && right == len(have) {
		return
	}
	want := e.tables.desired.compiler.Flows()
	kept := want[:0]
	for _, f := range want {
		if _, skip := touched[f.Key()]; !skip {
			kept = append(kept, f)
		}
	}
	e.audit.repair = ofrules.Diff(have, kept)
	e.notify()
}
