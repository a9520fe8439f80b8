package controller

import (
	"context"
	"maps"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/span"
)

// tables are the switch's flow tables: the flows that are desired, and what is
// known of the actual ones. Only the engine's goroutine touches them.
//
//	          compile             send: bundles
//	share  ───────────► pending ─────────────────► actual = desired, but for what
//	                       ▲       │         │     is pending or refused
//	   read back: adopt ───┤       │         └───► refused: tried again in a while
//	   drift: repair ──────┘       │
//	                               └─ failed ────► unknown, as on a new connection:
//	                                               to be read back
type tables struct {
	desired *compiled
	host    ofrules.Host  // see moved
	known   bool          // the actual flows are the desired ones but for pending and refused; else nothing is known of them
	pending ofrules.Delta // from the actual flows to the desired ones
	install installer     // which knows what is refused

	retryAt       time.Time // when to try refused flows again; zero: there are none, or it is done
	refusedBefore int       // how many were refused when untilRetry was called last
}

// compile brings the desired flows up to date.
func (t *tables) compile(s *span.Share, h ofrules.Host, change span.Delta) {
	d := t.desired.update(s, h, change, t.known)
	if t.known {
		t.pending = t.pending.Then(d)
	} else {
		t.pending = ofrules.Delta{} // to be found by reading back
	}
}

// hostMoved reports whether flows may change for another reason than the policy: the host
// differs from that of the last call, or refused flows are tried again.
func (t *tables) hostMoved(h ofrules.Host) bool {
	was := t.host
	t.host = h
	return h.Changed == nil || len(h.Changed) > 0 || was.Uplink != h.Uplink || len(t.install.refused) > 0 ||
		!maps.Equal(was.Elsewhere, h.Elsewhere) || !maps.Equal(was.Newer, h.Newer)
}

// forgetActual notes that nothing is known of the actual flows any more.
func (t *tables) forgetActual() { t.known = false }

// adopt makes the difference between the actual flows, as they were read back, and the
// desired ones pending, and returns the desired ones. The tables are known once that is
// sent.
func (t *tables) adopt(have []openflow.Flow) (want []openflow.Flow) {
	want = t.desired.compiler.Flows()
	t.pending = ofrules.Diff(have, want)
	t.install.forget()
	return want
}

// repair puts actual flows right that somebody else has changed.
func (t *tables) repair(fix ofrules.Delta) { t.pending = fix.Then(t.pending) }

// retryRefused makes refused flows pending again when their time has come.
func (t *tables) retryRefused(now time.Time) {
	if !t.retryAt.IsZero() && !now.Before(t.retryAt) {
		t.retryAt = time.Time{}
		t.pending = t.install.someRefused(t.flow).Then(t.pending)
	}
}

// send sends what is pending. After an error the actual flows are unknown.
func (t *tables) send(ctx context.Context, conn bundler) error {
	t.known = false // until the switch says so
	if err := t.install.apply(ctx, conn, t.pending); err != nil {
		return err
	}
	t.known, t.pending = true, ofrules.Delta{}
	return nil
}

// untilRetry returns how long to wait before refused flows are tried again, 0 if there are
// none. They are tried every so often, and at once if the switch took some just now.
func (t *tables) untilRetry(every time.Duration) time.Duration {
	n := len(t.install.refused)
	switch {
	case n == 0:
		t.retryAt = time.Time{}
	case n < t.refusedBefore:
		t.retryAt = time.Now()
	case t.retryAt.IsZero():
		t.retryAt = time.Now().Add(every)
	}
	t.refusedBefore = n
	if n == 0 {
		return 0
	}
	return max(time.Until(t.retryAt), time.Millisecond)
}

// flow is the desired flow of a key.
func (t *tables) flow(k openflow.FlowKey) (openflow.Flow, bool) { return t.desired.compiler.Flow(k) }

// len is how many flows are desired.
func (t *tables) len() int { return t.desired.compiler.Len() }
