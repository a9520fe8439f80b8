package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
)

// newRegistry returns a registry with the metrics of the process.
func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "ringfence_build_info", Help: "Always 1; the label says which version this is.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build)
	return r
}

// metricsFlags say where a server that has no API serves its metrics.
type metricsFlags struct {
	Metrics string `name:"metrics-listen" placeholder:"ADDR" help:"Serve Prometheus metrics at http://ADDR/metrics."`
}

func (f metricsFlags) check() error {
	if f.Metrics == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(f.Metrics); err != nil {
		return failure.Usage(fmt.Sprintf("--metrics-listen %s: want host:port", f.Metrics))
	}
	return nil
}

// serve has a group serve a registry at /metrics until ctx ends, if it is to be served.
func (f metricsFlags) serve(ctx context.Context, group *errgroup.Group, r *prometheus.Registry, log *slog.Logger) error {
	if f.Metrics == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", f.Metrics)
	if err != nil {
		return fmt.Errorf("--metrics-listen: %w", err)
	}
	log.Info("metrics are served", "url", "http://"+l.Addr().String()+"/metrics")
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	group.Go(func() error { return serve(ctx, l, mux, log) })
	return nil
}
