package controller

import (
	"context"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
)

// audit reads the flows back although nothing seems wrong, beside the engine's
// work. What is sent or put right meanwhile does not count: nobody can tell
// whether the reading is of before or after it.
type audit struct {
	conn    *ofconn.Conn // nil: none is under way
	touched map[openflow.FlowKey]struct{}
	done    chan reading
	found   ofrules.Delta // what puts right what the last one found
}

// reading is what the switch had.
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

// touch notes what is sent.
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

// end waits for an audit that is under way, whose context has ended.
func (a *audit) end() {
	if a.conn != nil {
		<-a.done
	}
}

// audited compares what was read with what should be there.
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
	e.audit.found = ofrules.Diff(have, kept)
	e.notify()
}
