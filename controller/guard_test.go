package controller

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ringfence/ringfence/controller/desk"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// brokenAsks has questions panic, in whatever waits for the first thing.
type brokenAsks struct {
	desk.Asks
	broken atomic.Bool
}

func (b *brokenAsks) ServeAsks(ctx context.Context, host string, answer inquiry.Answerer) error {
	return b.Asks.ServeAsks(ctx, host, func(ctx context.Context, kind string, body json.RawMessage) (json.RawMessage, error) {
		if b.broken.Load() {
			ctx = brokenContext{ctx}
		}
		return answer(ctx, kind, body)
	})
}

type brokenContext struct{ context.Context }

func (brokenContext) Done() <-chan struct{} { panic("injected") }

// A panic in a question is that question's: it is answered with an error, is
// counted, and what the host enforces goes on, as do the other questions.
func TestPanicInAQuestion(t *testing.T) {
	r := newRig(t)
	asks := &brokenAsks{Asks: r.hostStore}
	r.asks = asks
	p := r.guard(1, 2)
	asks.broken.Store(true)
	trace := inquiry.TraceQuestion{State: inquiry.New, Source: "a1", Destination: "a2", Egress: true, Ingress: true,
		Packet: packet.Tuple{Src: small.Address4(1), Dst: small.Address4(2), Proto: 6, SrcPort: 1, DstPort: 80}}
	questions := map[string]any{
		inquiry.KindTrace:       trace,
		inquiry.KindProbe:       inquiry.ProbeQuestion{ID: "p", Part: inquiry.ProbeSend, TraceQuestion: trace},
		inquiry.KindFlows:       inquiry.FlowsQuestion{Account: "acme", NICs: []string{"a1"}},
		inquiry.KindConnections: inquiry.ConnectionsQuestion{NICs: []string{"a1"}},
		inquiry.KindHits:        inquiry.HitsQuestion{Account: "acme", Group: "db"},
		inquiry.KindDrops:       inquiry.DropsQuestion{NICs: []string{"a1"}, Seconds: 2},
	}
	for kind, q := range questions {
		body, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err = r.store.Ask(ctx, hostName, kind, body)
		cancel()
		var refused *inquiry.AnswerError
		if !errors.As(err, &refused) || refused.Text != "an internal error; the log of the host has it" {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if n := r.counter("panics_total"); n < float64(len(questions)) {
		t.Errorf("%v panics are counted of %d", n, len(questions))
	}
	if !strings.Contains(r.logs.String(), "injected") || !strings.Contains(r.logs.String(), "guard_test.go") {
		t.Error("the log does not tell where")
	}
	r.applied(r.write(p.Rule("db", "r2", secgroup.Ingress, "tcp", 82, "")))
	r.passes(1, 2, "tcp", 82)
	asks.broken.Store(false)
	if a := ask[inquiry.TraceAnswer](r, inquiry.KindTrace, trace); a.Ingress == nil || a.Ingress.Verdict != inquiry.Allow {
		t.Errorf("a question after those: %+v", a)
	}
	r.drops(60, "a1", "a2")
	r.send(tcp(1, 2, 81))
	r.eventually(patience, "a drop is told", func() string { return missing(len(r.drops(60, "a1", "a2").Drops), 1) })
}
