package hoststate

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/secgroup"
)

// Metrics exports how far each host is, from its last report. It answers from
// memory, also while the store is lost.
type Metrics struct {
	Store    Store
	Arrivals *Arrivals
	Now      func() time.Time
}

// readWait bounds a look at the policy for a metric.
const readWait = time.Second

func perHost(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("ringfence_host_"+name, help, []string{"host"}, nil)
}

var (
	policyRevision = prometheus.NewDesc("ringfence_policy_revision", "Revision of the policy that this API has, 0 while it has none.", nil, nil)
	hostAlive      = perHost("alive", "1 while the host's controller reports, by this API's clock.")
	hostConnected  = perHost("switch_connected", "1 while the host's controller is connected to its switch, as of its last report.")
	hostApplied    = perHost("applied_revision", "Policy revision that is in force at the host, 0 for none, or for one that is not believed.")
	hostBehind     = perHost("behind_seconds", "For how long there has been a revision of the policy that the host has not applied, as far as this API has seen; 0 = none.")
	hostErrors     = perHost("errors", "What keeps the host from applying more: how many errors it reports.")
	hostNICs       = perHost("nics", "NICs that are plugged at the host.")
	hostClockSkew  = perHost("clock_skew_seconds", "By how much a host's clock is ahead of this API's, as of its last report.")
)

// Describe implements prometheus.Collector.
func (Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{policyRevision, hostAlive, hostConnected, hostApplied, hostBehind, hostErrors, hostNICs, hostClockSkew} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m Metrics) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	flag := func(is bool) float64 {
		if is {
			return 1
		}
		return 0
	}
	current := m.revision()
	gauge(policyRevision, float64(current))
	hosts := m.Store.Hosts()
	now, there := At(m.Store, m.Now()), map[string]bool{}
	for i := range hosts {
		h := &hosts[i]
		there[h.Host] = true
		gauge(hostAlive, flag(now.Alive(h)), h.Host)
		gauge(hostConnected, flag(h.Connected), h.Host)
		gauge(hostApplied, float64(h.Applied), h.Host)
		gauge(hostBehind, m.Arrivals.Behind(h.Host, h.Applied, current).Seconds(), h.Host)
		gauge(hostErrors, float64(len(h.Errors)), h.Host)
		gauge(hostNICs, float64(len(h.NICs)), h.Host)
		if h.SkewKnown {
			gauge(hostClockSkew, h.Skew.Seconds(), h.Host)
		}
	}
	m.Arrivals.Only(there)
}

// revision is the policy's. While that cannot be read it is 0, and no host behind.
func (m Metrics) revision() (current int64) {
	ctx, cancel := context.WithTimeout(context.Background(), readWait)
	defer cancel()
	_ = m.Store.Read(ctx, func(s *secgroup.Snapshot) error {
		current = s.Revision()
		return nil
	})
	return current
}
