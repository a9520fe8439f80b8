package controller

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/controller/whole"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// TestTwoControllersOnOneBridge starts a second controller, of another platform,
// on a bridge that has one: it says so and leaves everything as it is until the
// first ends, however that ends.
func TestTwoControllersOnOneBridge(t *testing.T) {
	r, p := settled(t)
	cfg := r.etcd
	cfg.Prefix, cfg.Logger = "/other"+cfg.Prefix, slog.New(slog.DiscardHandler)
	other, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	flows := r.flows()
	said, metrics := &logbook{}, prometheus.NewRegistry()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	policy := whole.New(other, "twin")
	go func() {
		ended <- Run(ctx, Config{
			Share: policy, Judge: policy, Reports: other, Host: "twin", OVSDB: r.ovs.DBAddr, Bridge: bridge, Datapath: "dummy",
			Logger: slog.New(slog.NewTextHandler(said, nil)), Metrics: metrics, NICConnections: nicConnections,
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the second controller: %v", err)
		}
	})
	holder := fmt.Sprintf("pid %d, host %s", os.Getpid(), hostName)
	r.eventually(patience, "the second says that it waits, and for whom", func() string {
		if text := said.String(); !strings.Contains(text, "another controller keeps this bridge") || !strings.Contains(text, holder) {
			return text
		}
		return ""
	})
	if now := r.flows(); strings.Join(now, "\n") != strings.Join(flows, "\n") {
		t.Errorf("%d flows, %d before the second came", len(now), len(flows))
	}
	r.applied(r.write(p.Rule("web", "r2", secgroup.Ingress, "tcp", 81, "")))
	if n := r.counter("drift_repaired_total"); n > 0 {
		t.Errorf("the first had to put %v flows right", n)
	}
	if hosts := other.Hosts(); len(hosts) > 0 {
		t.Errorf("the second reports: %+v", hosts)
	}
	r.stop()
	wait, done := context.WithTimeout(t.Context(), patience)
	defer done()
	if err := other.WaitHosts(wait, func(h []store.HostStatus) bool { return len(h) == 1 && h[0].Connected }); err != nil {
		t.Errorf("the second does not take over: %v", err)
	}
}
