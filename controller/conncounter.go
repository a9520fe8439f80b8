package controller

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/unixctl"
)

// How often connections are counted, and how long that may take.
const (
	tallyEvery    = 10 * time.Second
	tallyPatience = 5 * time.Second
)

// connCounter is a prometheus.Collector of how many connections the host's NICs have, and
// of how full the switch's table of connections is. The switch itself counts the
// connections of zones with a limit, so that looking costs some bytes a NIC however many
// connections there are. Nothing is collected before the first look and while the switch
// does not answer. It uses connections of its own, so that it does not hold up enforcement.
type connCounter struct {
	limits func(ctx context.Context, zones ...uint16) (unixctl.Limits, error)
	table  func(ctx context.Context) (unixctl.Table, error)
	log    *slog.Logger

	mu          sync.Mutex
	known       bool
	connections uint64
	full        map[uint16]struct{} // zones that are at their limit
	hits        uint64

	tableKnown bool
	filled     unixctl.Table
}

var (
	tallyConnections = prometheus.NewDesc("ringfence_controller_connections",
		"Connections that the switch tracks for this host's NICs: one that both ends of are here is counted at both. Of NICs with a limit (--nic-connections).", nil, nil)
	tallyFull = prometheus.NewDesc("ringfence_controller_nics_at_connection_limit",
		"NICs that have as many connections as --nic-connections lets them have: new ones are dropped.", nil, nil)
	tallyTable = prometheus.NewDesc("ringfence_controller_connection_table_connections",
		"Connections in the datapath's table, of NICs and of all else that uses it.", nil, nil)
	tallyMax = prometheus.NewDesc("ringfence_controller_connection_table_max",
		"Connections that the datapath's table holds at most: when it is full nobody gets a new one (ct-get-maxconns; nf_conntrack_max of the kernel).", nil, nil)
	tallyHits = prometheus.NewDesc("ringfence_controller_nic_connection_limit_hits_total",
		"Times that a NIC was seen to have come to its limit of connections; one looks every 10 s.", nil, nil)
)

// run counts now and then, until ctx ends.
func (t *connCounter) run(ctx context.Context) error {
	tick := time.NewTicker(tallyEvery)
	defer tick.Stop()
	for {
		t.look(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (t *connCounter) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tallyPatience)
	defer cancel()
	limits, err := t.limits(ctx)
	if err != nil {
		t.log.Debug("connections not counted", "error", err)
	}
	filled, tableErr := t.table(ctx)
	if tableErr != nil {
		t.log.Debug("it is not known how full the table of connections is", "error", tableErr)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.filled, t.tableKnown = filled, tableErr == nil
	if t.known = err == nil; !t.known {
		return
	}
	was := t.full
	t.connections, t.full = 0, map[uint16]struct{}{}
	for _, z := range limits.Zones {
		if z.Zone == sentinelZone || z.Limit == 0 {
			continue
		}
		t.connections += uint64(z.Count)
		if z.Count < z.Limit {
			continue
		}
		t.full[z.Zone] = struct{}{}
		if _, already := was[z.Zone]; !already {
			t.hits++
		}
	}
}

// Describe implements prometheus.Collector.
func (t *connCounter) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{tallyConnections, tallyFull, tallyHits, tallyTable, tallyMax} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (t *connCounter) Collect(to chan<- prometheus.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	to <- prometheus.MustNewConstMetric(tallyHits, prometheus.CounterValue, float64(t.hits))
	if t.tableKnown {
		to <- prometheus.MustNewConstMetric(tallyTable, prometheus.GaugeValue, float64(t.filled.Connections))
		to <- prometheus.MustNewConstMetric(tallyMax, prometheus.GaugeValue, float64(t.filled.Max))
	}
	if t.known {
		to <- prometheus.MustNewConstMetric(tallyConnections, prometheus.GaugeValue, float64(t.connections))
		to <- prometheus.MustNewConstMetric(tallyFull, prometheus.GaugeValue, float64(len(t.full)))
	}
}
