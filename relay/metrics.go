package relay

import "github.com/prometheus/client_golang/prometheus"

// metrics are what a relay counts.
type metrics struct {
	sent, replaced, panics prometheus.Counter
	refused                *prometheus.CounterVec
	concerned              prometheus.Histogram
}

func newMetrics(r *Relay) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		sent:      counter("ringfence_relay_messages_sent_total", "Messages sent to hosts."),
		replaced:  counter("ringfence_relay_shares_replaced_total", "Pending deltas of slow hosts that outgrew the host's share, which is sent instead."),
		refused:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringfence_relay_refused_total", Help: "Streams refused with words, by gRPC's code of the cause: Unauthenticated, PermissionDenied (another host's credential), AlreadyExists (another machine has the name), …"}, []string{"cause"}),
		panics:    counter("ringfence_relay_panics_total", "Panics in streams of hosts, each of which ended that stream."),
		concerned: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "ringfence_relay_concerned_hosts", Help: "Hosts of this relay that a change of the policy concerns.", Buckets: []float64{0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000}}),
	}
	if reg := r.cfg.Metrics; reg != nil {
		hosts := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "ringfence_relay_hosts", Help: "Hosts attached."}, func() float64 {
			r.mu.Lock()
			defer r.mu.Unlock()
			return float64(len(r.sessions))
		})
		behind := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "ringfence_relay_hosts_behind", Help: "Hosts attached that have not applied all that concerns them."}, func() float64 {
			r.mu.Lock()
			defer r.mu.Unlock()
			n := 0
			for _, s := range r.sessions {
				if s.applied() < r.at.revision {
					n++
				}
			}
			return float64(n)
		})
		reg.MustRegister(m.sent, m.replaced, m.refused, m.panics, m.concerned, hosts, behind)
	}
	return m
}
