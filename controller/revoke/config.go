package revoke

import (
	"context"
	"iter"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/impact"
)

// Config is what a sweeper works with.
type Config struct {
	Policy   Policy
	Judge    Judge
	Reporter Reporter
	Tracking func() Tracking // of the bridge's datapath
	// Settle returns when packets meet the flows that the switch has.
	Settle  func(context.Context, megaflow.Change) error
	Freed   func(zones []uint16) // is told of zones that have no connections any more
	Logger  *slog.Logger
	Metrics prometheus.Registerer // nil: not exported
}

// Policy gives access to the host's share of the policy, by which the ends of its own
// NICs can be judged.
type Policy interface {
	// Read lets fn read it. It does not change meanwhile.
	Read(fn func(p Known))
}

// Known is the policy, as far as the host knows it.
type Known interface {
	impact.Host
	// Knows reports whether it is known what the policy says of a NIC, which may be
	// that there is none.
	Knows(nic string) bool
}

// Judge judges connections by the rules of both ends. It is asked about those of which it
// is not known which end began them (see ofrules.PickUp): by the rules of one end alone,
// that end may seem to be allowed to have begun.
type Judge interface {
	// Judge reports of each connection whether it is allowed at both ends. It is an
	// error if nobody can tell now.
	Judge(ctx context.Context, conns []impact.Open) ([]bool, error)
}

// Reporter is told how far a sweeper has come. It must not wait.
type Reporter interface {
	// Judged says why open connections cannot be judged; nil: they can.
	Judged(err error)
	// Standing says how far the host is, whenever that may have changed.
	Standing(s Standing, why News)
}

// News says why a standing is reported.
type News int

// What is told.
const (
	Done           News = iota // a change is in force
	Partly                     // a change is in force for some NICs, and soon for the others
	NothingChanged             // a revision is in force that changed nothing on this host
)

// Tracking is what there is to do in the switch's connection tracking.
type Tracking interface {
	Lister
	cutter
	CheckTracking(ctx context.Context) error
	FlushZone(ctx context.Context, zone uint16) error
}

// NICs says which NIC is in which conntrack zone. It does not change.
type NICs interface {
	NIC(zone uint16) string // "" for none
	Zone(nic string) uint16 // 0 for none
	All() iter.Seq2[uint16, string]
}

// metrics are those of a sweeper.
type metrics struct {
	cut    prometheus.Counter
	tombs  prometheus.Gauge
	sweeps prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		cut: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "ringfence", Subsystem: "controller", Name: "connections_cut_total",
			Help: "Open connections cut because nothing allowed them any more.",
		}),
		tombs: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "ringfence", Subsystem: "controller", Name: "tombstones",
			Help: "Connections remembered that are kept cut.",
		}),
		sweeps: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "ringfence", Subsystem: "controller", Name: "sweep_seconds",
			Help:    "Time to judge the open connections again, revalidation of megaflows included.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
	}
	if r != nil {
		r.MustRegister(m.cut, m.tombs, m.sweeps)
	}
	return m
}
