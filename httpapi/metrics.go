package httpapi

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// metrics are what /metrics says of the API itself.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	traces   *prometheus.CounterVec
	// disagreements should stay at 0: a flow is not what the policy says.
	disagreements prometheus.Counter
	panics        prometheus.Counter
}

func newMetrics(registry *prometheus.Registry, s Store) *metrics {
	m := &metrics{
		registry: registry,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ringfence_http_requests_total", Help: "Requests answered, by route, method and status.",
		}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ringfence_http_request_seconds", Help: "Time from a request's header to the end of its answer.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"route", "method"}),
	}
	m.traces = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ringfence_traces_total", Help: "Traces answered, by verdict.",
	}, []string{"verdict"})
	m.disagreements = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "ringfence_trace_disagreements_total", Help: "Traces in which the datapath did not do what the policy says.",
	})
	m.panics = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "ringfence_http_panics_total", Help: "Faults of ours met while requests and questions were answered; each is in the log, with its stack.",
	})
	stale := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ringfence_store_stale", Help: "1 while the store is lost and what the API knows may be outdated.",
	}, func() float64 {
		if s.Condition().Lost() {
			return 1
		}
		return 0
	})
	hosts := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ringfence_hosts", Help: "Hosts that have reported.",
	}, func() float64 { return float64(len(s.Hosts())) })
	level := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ringfence_cluster_level", Help: "Level up to which records may be written: what every host and API understands.",
	}, func() float64 { return float64(s.Cluster().Level) })
	unreadable := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ringfence_unreadable_records", Help: "Records of the policy that this API cannot read: their objects are not written.",
	}, func() float64 { return float64(len(s.Unreadable())) })
	registry.MustRegister(level, unreadable, store.Troubles(s.Condition))
	registry.MustRegister(m.requests, m.seconds, m.traces, m.disagreements, m.panics, stale, hosts, mixingNetworks(s))
	return m
}

// metricWait bounds a look at the policy for a metric.
const metricWait = time.Second

// mixingNetworks counts networks that share their VLAN with another routing
// domain. While the policy cannot be read it is what it was last.
func mixingNetworks(s Store) prometheus.Collector {
	var last atomic.Int64
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ringfence_networks_mixing", Help: "Networks on a VLAN on which another routing domain is too: their frames mix between hosts.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), metricWait)
		defer cancel()
		_ = s.Read(ctx, func(snap *secgroup.Snapshot) error {
			networks := snap.Networks()
			wire, mixing := plan.NewWire(networks), 0
			for _, n := range networks {
				if len(wire.Mixing(n)) > 0 {
					mixing++
				}
			}
			last.Store(int64(mixing))
			return nil
		})
		return float64(last.Load())
	})
}

// observe counts a request that has been answered.
func (m *metrics) observe(route, method string, status int, took time.Duration) {
	method = boundMethod(method)
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route, method).Observe(took.Seconds())
}

// boundMethod bounds the label's values: a caller may send any word.
func boundMethod(method string) string {
	switch method {
	case "GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS":
		return method
	}
	return "other"
}
