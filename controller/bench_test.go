package controller

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/controller/whole"
	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// given is a policy without a store, and keeps the host's last report.
type given struct {
	first   store.Batch
	more    chan store.Batch
	mu      sync.Mutex
	last    store.HostStatus
	changed chan struct{}
}

func newGiven(changes []secgroup.Change) *given {
	return &given{first: store.Batch{Revision: 1, Full: policytest.LoadAt(1, changes)}, more: make(chan store.Batch), changed: make(chan struct{}, 1)}
}

func (g *given) Follow(ctx context.Context, h store.Handler) error {
	if err := h.Handle(ctx, g.first); err != nil {
		return err
	}
	g.first = store.Batch{}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b := <-g.more:
			if err := h.Handle(ctx, b); err != nil {
				return err
			}
		}
	}
}

func (g *given) PutHost(_ context.Context, h store.HostStatus) error {
	g.mu.Lock()
	g.last = h
	g.mu.Unlock()
	select {
	case g.changed <- struct{}{}:
	default:
	}
	return nil
}

func (g *given) await(tb testing.TB, ok func(store.HostStatus) bool) {
	tb.Helper()
	deadline := time.After(patience)
	for {
		g.mu.Lock()
		last := g.last
		g.mu.Unlock()
		if ok(last) {
			return
		}
		select {
		case <-g.changed:
		case <-deadline:
			tb.Fatalf("status %+v", last)
		}
	}
}

// BenchmarkWorkload measures a host of each size: from an empty switch to all in
// force, a rule, an audit, a restart, and what the controller holds in memory.
func BenchmarkWorkload(b *testing.B) {
	for _, name := range []string{"S", "M", "L"} {
		b.Run(name, func(b *testing.B) {
			size, _ := workload.SizeOf(name)
			for b.Loop() {
				benchmark(b, size)
			}
		})
	}
}

func benchmark(b *testing.B, size workload.Size) {
	ovs := ovstest.Start(b, ovstest.Options{})
	ovs.AddBridge(bridge)
	load := workload.Make(size)
	g := newGiven(load.Changes())
	var plug []string
	for _, p := range load.Ports {
		plug = append(plug, "--", "add-port", bridge, "vif-"+p.ID, "--", "set", "interface", "vif-"+p.ID, "type=dummy", "external_ids:iface-id="+p.ID)
	}
	ovs.Vsctl(plug[1:]...)
	cfg := Config{
		Reports: g, Host: hostName, OVSDB: ovs.DBAddr, Bridge: bridge, Datapath: "dummy",
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	empty := heap()
	run := func() (stop func()) {
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error)
		policy := whole.New(g, hostName)
		cfg.Share, cfg.Judge = policy, policy
		go func() { done <- Run(ctx, cfg) }()
		return func() {
			cancel()
			if err := <-done; err != nil {
				b.Error(err)
			}
		}
	}
	inForce := func(rev int64) func(store.HostStatus) bool {
		return func(h store.HostStatus) bool { return h.Applied >= rev && len(h.NICs) == size.Ports && h.NICs[0].Ready }
	}
	took := func(what string, fn func()) {
		start := time.Now()
		fn()
		b.ReportMetric(float64(time.Since(start).Microseconds())/1000, what+"-ms")
	}
	var stop func()
	took("build", func() {
		stop = run()
		g.await(b, inForce(1))
	})
	b.ReportMetric(float64(g.last.Flows), "flows")
	b.ReportMetric(float64(heap()-empty)/(1<<20), "live-MB") // without the objects of the policy
	rule := *load.Groups[0]
	rule.Rules = append(slices.Clone(rule.Rules), secgroup.Rule{
		ID: "new", Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: "tcp", PortMin: 20000, RemoteGroup: load.Groups[1].GroupRef, Enabled: true,
	})
	took("rule", func() {
		g.more <- store.Batch{Revision: 2, Changes: []secgroup.Change{secgroup.Put(&rule)}}
		g.await(b, inForce(2))
	})
	stop()
	conn, err := ofconn.Dial(b.Context(), ovs.MgmtSock(bridge), ofconn.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	took("readback", func() {
		if r := <-startReading(b.Context(), conn); r.err != nil || len(r.flows) < g.last.Flows {
			b.Errorf("%d flows, %v", len(r.flows), r.err)
		}
	})
	g.first = store.Batch{Revision: 3, Full: policytest.LoadAt(3, append(load.Changes(), secgroup.Put(&rule)))}
	took("restart", func() {
		stop = run()
		g.await(b, inForce(3))
	})
	stop()
}

// heap is how much of the heap is in use, in bytes.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
