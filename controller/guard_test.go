package controller

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// brokenAsks has questions panic, in whatever waits for the first thing.
type brokenAsks struct {
	Asks
	broken atomic.Bool
}

func (b *brokenAsks) ServeAsks(ctx context.Context, host string, answer store.Answerer) error {
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
		Packet: inquiry.Packet{Src: address4(1), Dst: address4(2), Proto: 6, SrcPort: 1, DstPort: 80}}
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
		var refused *store.AnswerError
		if !errors.As(err, &refused) || refused.Text != errPanicked.Error() {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if n := r.counter("panics_total"); n < float64(len(questions)) {
		t.Errorf("%v panics are counted of %d", n, len(questions))
	}
	if !strings.Contains(r.logs.String(), "injected") || !strings.Contains(r.logs.String(), "guard_test.go") {
		t.Error("the log does not tell where")
	}
	r.applied(r.write(p.rule("db", "r2", secgroup.Ingress, "tcp", 82, "")))
	r.passes(1, 2, "tcp", 82)
	asks.broken.Store(false)
	if a := ask[inquiry.TraceAnswer](r, inquiry.KindTrace, trace); a.Ingress == nil || a.Ingress.Verdict != inquiry.Allow {
		t.Errorf("a question after those: %+v", a)
	}
	r.drops(2, "a1", "a2")
	r.send(tcp(1, 2, 81))
	r.eventually(patience, "a drop is told", func() string { return missing(len(r.drops(2, "a1", "a2").Drops), 1) })
}

// idleAsks brings no questions.
type idleAsks struct{}

func (idleAsks) RefusedAsks() int64 { return 0 }

func (idleAsks) ServeAsks(ctx context.Context, _ string, _ store.Answerer) error {
	<-ctx.Done()
	return ctx.Err()
}

// A panic beside the questions, in what watches drops and in what reads a packet
// that was reported, ends neither.
func TestPanicBesideQuestions(t *testing.T) {
	t.Parallel()
	r := &rig{t: t, metrics: prometheus.NewRegistry()}
	c := newController(Config{Host: hostName, Bridge: bridge, RunDir: t.TempDir(), Asks: idleAsks{}, Logger: slog.New(slog.DiscardHandler), Metrics: r.metrics})
	defer c.ctl.Close()
	var calls atomic.Int64
	c.desk.watch.locate = func([]string) map[string]watched {
		if calls.Add(1) <= 3 {
			panic("injected")
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.desk.Run(ctx) }()
	for end := time.Now().Add(patience); calls.Load() < 4; time.Sleep(time.Millisecond) {
		c.desk.watch.kick()
		if time.Now().After(end) {
			t.Fatal("drops are watched no more")
		}
	}
	if n := r.counter("panics_total"); n != 3 {
		t.Errorf("%v panics are counted, of 3", n)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the desk ended with %v", err)
	}
	c.desk.watch.locate = func([]string) map[string]watched { panic("injected") }
	c.desk.watch.names = map[uint32]string{1: "a1"}
	for _, f := range (ofrules.Watch{ID: 1, OFPort: 1, Ready: true, Meter: 1}).Flows() {
		for _, a := range f.Actions.List() {
			if report, is := a.(openflow.Controller); is {
				c.desk.hear(wire.PacketIn{Cookie: f.Cookie, UserData: report.UserData})
			}
		}
	}
	if n := r.counter("panics_total"); n < 4 {
		t.Error("no report was read")
	}
}
