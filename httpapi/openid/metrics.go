package openid

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of an issuer.
type metrics struct {
	refused   *prometheus.CounterVec
	confirmed prometheus.GaugeFunc
}

func newMetrics(i *Issuer) *metrics {
	m := &metrics{
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ringfence_oidc_refused_total", Help: "Tokens of the OpenID issuer, or said to be, that were not taken, by reason.",
		}, []string{"reason"}),
		confirmed: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "ringfence_oidc_keys_confirmed_timestamp_seconds", Help: "When the OpenID issuer last told its keys, in seconds since 1970; 0 if it never has.",
		}, func() float64 { return seconds(i.confirmed()) }),
	}
	for _, r := range reasons {
		m.refused.WithLabelValues(r)
	}
	return m
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}

// confirmed is when the issuer last told its keys.
func (i *Issuer) confirmed() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.latest == nil {
		return time.Time{}
	}
	return i.latest.confirmed
}

// Describe implements prometheus.Collector.
func (i *Issuer) Describe(to chan<- *prometheus.Desc) {
	i.metrics.refused.Describe(to)
	i.metrics.confirmed.Describe(to)
}

// Collect implements prometheus.Collector.
func (i *Issuer) Collect(to chan<- prometheus.Metric) {
	i.metrics.refused.Collect(to)
	i.metrics.confirmed.Collect(to)
}
