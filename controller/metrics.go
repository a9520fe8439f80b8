package controller

import "github.com/prometheus/client_golang/prometheus"

// metrics of one controller.
type metrics struct {
	flowMods   prometheus.Counter
	drift      prometheus.Counter
	flows      prometheus.Gauge
	refused    prometheus.Gauge
	applied    prometheus.Gauge
	unreadable prometheus.Gauge
	waiting    prometheus.Gauge
	stale      prometheus.Gauge
	nameTaken  prometheus.Gauge
	connected  prometheus.Gauge
	errors     prometheus.Gauge
	apply      prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "ringfence", Subsystem: "controller", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "ringfence", Subsystem: "controller", Name: name, Help: help})
	}
	m := &metrics{
		flowMods:   counter("flow_mods_total", "Flow changes sent to the switch and confirmed."),
		drift:      counter("drift_repaired_total", "Flows that somebody else had changed and that were put right."),
		flows:      gauge("flows", "Flows of ours that the switch should have."),
		refused:    gauge("refused_flows", "Flows that the switch does not take."),
		applied:    gauge("applied_revision", "Policy revision that is in force, 0 while none is."),
		unreadable: gauge("unreadable_records", "Records of the policy that this version cannot read: their objects are enforced no wider than before."),
		waiting:    gauge("waiting_for_bridge", "1 while another controller keeps the bridge and this one waits."),
		stale:      gauge("share_stale", "1 while the host enforces what it had kept of the policy, because since its start nobody has said what holds now."),
		nameTaken:  gauge("name_taken", "1 while another machine reports under this host's name and this one's reports are refused."),
		connected:  gauge("switch_connected", "1 while the controller is connected to the switch."),
		errors:     gauge("errors", "What keeps the host from applying more: how many errors it reports."),
		apply: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "ringfence", Subsystem: "controller", Name: "apply_seconds",
			Help:    "Time from when the controller read a change that concerns its host until it was in force: in the switch, and open connections judged by it.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16), // 1 ms to 33 s
		}),
	}
	if r != nil {
		r.MustRegister(m.flowMods, m.drift, m.flows, m.refused, m.applied, m.unreadable, m.waiting, m.stale, m.nameTaken, m.connected, m.errors, m.apply)
	}
	return m
}
