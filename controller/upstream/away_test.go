package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/store"
)

// TestANameThatIsTaken: relays do not serve a second machine under a host's name, which
// hears of it as it would from the store, and is served when the first is gone. All the
// while it can be told whether it has a relay, since when not, and why.
func TestANameThatIsTaken(t *testing.T) {
	t.Parallel()
	_, changes, nics := town(1)
	p := newPlatform(t, changes...)
	r := p.serve("a", nil)
	first := p.host(t, "h1", Config{Relays: []string{r.addr}}, nics...)
	first.has("the share", p)

	registry := prometheus.NewRegistry()
	second, err := New(Config{
		Host: "h1", Relays: []string{r.addr}, Logger: slog.New(slog.DiscardHandler), Metrics: registry,
		Token: func() (string, error) { return "of-h1", nil }, TLS: func() *tls.Config { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	connected := func() float64 {
		all, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if m.GetName() == "ringfence_controller_relay_connected" {
				return m.GetMetric()[0].GetGauge().GetValue()
			}
		}
		t.Fatal("no metric tells")
		return 0
	}
	report := func() error {
		return second.PutHost(t.Context(), store.HostStatus{Host: "h1", Instance: "another", Machine: "rack-9", Started: time.Unix(2, 0)})
	}
	if err := report(); err != nil {
		t.Errorf("before a relay was asked: %v", err)
	}
	if relay, since, why := second.Attached(); relay != "" || since.IsZero() || why != nil {
		t.Errorf("before: %q, %v, %v", relay, since, why)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = second.Follow(ctx, share.New("h1", func() {}, func(share.Update) {})) })
	defer wg.Wait()
	defer cancel()
	second.Plug(nil, true)
	await := func(what string, done func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				relay, since, why := second.Attached()
				t.Fatalf("%s: not in time: %q since %v, %v", what, relay, since, why)
			}
		}
	}
	await("it hears that its name is taken", func() bool { return errors.Is(report(), store.ErrSeatTaken) })
	if relay, since, why := second.Attached(); relay != "" || since.IsZero() || why == nil || connected() != 0 {
		t.Errorf("while the name is taken: %q, %v, %v, connected %v", relay, since, why, connected())
	}
	first.stop()
	await("it is served", func() bool { relay, _, _ := second.Attached(); return relay == r.addr && connected() == 1 })
	if err := report(); err != nil {
		t.Errorf("once it is served: %v", err)
	}
	r.stop()
	await("it has no relay", func() bool { relay, _, why := second.Attached(); return relay == "" && why != nil && connected() == 0 })
	if err := report(); err != nil {
		t.Errorf("without a relay: %v", err)
	}
}
