package desk

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// idleAsks brings no questions.
type idleAsks struct{}

func (idleAsks) RefusedAsks() int64 { return 0 }

func (idleAsks) ServeAsks(ctx context.Context, _ string, _ inquiry.Answerer) error {
	<-ctx.Done()
	return ctx.Err()
}

// away is a host whose switch is away.
type away struct {
	Host
	Switch
}

func (away) Conn() *ofconn.Conn { return nil }

func (away) Settle(context.Context) error { return nil }

// panicsOf is how many panics are counted.
func panicsOf(t *testing.T, r *prometheus.Registry) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "ringfence_controller_panics_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatal("panics are not counted")
	return 0
}

// A panic beside the questions, in what watches drops and in what reads a packet
// that was reported, ends neither.
func TestPanicBesideQuestions(t *testing.T) {
	t.Parallel()
	metrics := prometheus.NewRegistry()
	d := New(Config{Asks: idleAsks{}, Host: "h1", Logger: slog.New(slog.DiscardHandler), Metrics: metrics}, away{}, away{})
	var calls atomic.Int64
	d.watch.locate = func([]string) map[string]location {
		if calls.Add(1) <= 3 {
			panic("injected")
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	for end := time.Now().Add(patience); calls.Load() < 4; time.Sleep(time.Millisecond) {
		d.watch.refreshSoon()
		if time.Now().After(end) {
			t.Fatal("drops are watched no more")
		}
	}
	if n := panicsOf(t, metrics); n != 3 {
		t.Errorf("%v panics are counted, of 3", n)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the desk ended with %v", err)
	}
	d.watch.locate = func([]string) map[string]location { panic("injected") }
	d.watch.nicByOFPort = map[uint32]string{1: "a1"}
	for _, f := range (ofrules.Watch{ID: 1, OFPort: 1, Ready: true, Meter: 1}).Flows() {
		for _, a := range f.Actions.List() {
			if report, is := a.(openflow.Controller); is {
				d.packetIn(wire.PacketIn{Cookie: f.Cookie, UserData: report.UserData})
			}
		}
	}
	if n := panicsOf(t, metrics); n < 4 {
		t.Error("no report was read")
	}
}
