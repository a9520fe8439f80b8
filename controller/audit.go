package controller

import (
	"context"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
)

// audit reads the flows back every so often although nothing seems wrong, in a
// goroutine beside the engine. Flows that the engine changes meanwhile are not
// compared: the dump may show them as they were before or after.
type audit struct {
	conn    *ofconn.Conn                  // nil: none is under way
	touched map[openflow.FlowKey]struct{} // flows that were changed since it started
	done    chan reading
	repair  ofrules.Delta // what the last one found wrong, to be put right by the next step
}

// reading is the result of a dump.
type reading struct {
	flows []openflow.Flow
	err   error
}

func newAudit() audit { return audit{done: make(chan reading, 1)} }

// start begins an audit, unless one is under way.
func (a *audit) start(ctx context.Context, conn *ofconn.Conn) {
	if a.conn != nil || conn == nil {
		return
	}
	a.conn, a.touched = conn, map[openflow.FlowKey]struct{}{}
	go func() {
		flows, err := readBack(ctx, conn)
		a.done <- reading{flows, err}
	}()
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

// end waits for the audit that is under way, if there is one. Its context has ended.
func (a *audit) end() {
	if a.conn != nil {
		<-a.done
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
