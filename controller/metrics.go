package controller

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

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

// maxApplyTimes bounds how many revisions are measured at a time, of 32 bytes each. If
// there are more, the earlier ones are left out.
const maxApplyTimes = 4096

// applyTimes measures how long the changes of the policy take from when they were
// read until they are in force on this host. Those that change nothing here are
// not among them, and neither is the policy as a whole, as it is at the start.
type applyTimes struct {
	seconds prometheus.Observer
	now     func() time.Time

	mu   sync.Mutex
	seen []pendingChange // by revision, rising
}

type pendingChange struct {
	revision int64
	since    time.Time
}

// read notes that a change was read just now.
func (w *applyTimes) read(revision int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) == maxApplyTimes {
		w.seen = slices.Delete(w.seen, 0, maxApplyTimes/2)
	}
	w.seen = append(w.seen, pendingChange{revision, w.now()})
}

// forget drops the changes so far: the whole policy was read anew.
func (w *applyTimes) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = nil
}

// inForce ends the measurement of the changes up to a revision. They are observed if some
// of them changed something on this host.
func (w *applyTimes) inForce(revision int64, some bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, _ := slices.BinarySearchFunc(w.seen, revision+1, func(a pendingChange, r int64) int { return int(a.revision - r) })
	if some {
		for _, a := range w.seen[:n] {
			w.seconds.Observe(w.now().Sub(a.since).Seconds())
		}
	}
	w.seen = slices.Delete(w.seen, 0, n)
}
