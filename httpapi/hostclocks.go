package httpapi

import "github.com/prometheus/client_golang/prometheus"

// hostClocks exports by how much the clocks of hosts differ from this API's.
type hostClocks struct{ store Store }

var hostClockSkew = prometheus.NewDesc("ringfence_host_clock_skew_seconds",
	"By how much a host's clock is ahead of this API's, as of its last report.", []string{"host"}, nil)

// Describe implements prometheus.Collector.
func (hostClocks) Describe(to chan<- *prometheus.Desc) { to <- hostClockSkew }

// Collect implements prometheus.Collector.
func (c hostClocks) Collect(to chan<- prometheus.Metric) {
	for _, h := range c.store.Hosts() {
		if h.SkewKnown {
			to <- prometheus.MustNewConstMetric(hostClockSkew, prometheus.GaugeValue, h.Skew.Seconds(), h.Host)
		}
	}
}
