package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/unixctl"
)

// Connections are those of NICs' zones. A NIC that comes to its limit is counted
// once, however long it stays there, and nothing is said of what is not known. How
// full the table of all is is told as the switch tells it.
func TestConnectionsAreTallied(t *testing.T) {
	t.Parallel()
	var limits unixctl.Limits
	var failed error
	filled := unixctl.Table{Connections: 3, Max: 9}
	count := &connCounter{table: func(context.Context) (unixctl.Table, error) { return filled, failed }, log: slog.New(slog.DiscardHandler), limits: func(context.Context, ...uint16) (unixctl.Limits, error) { return limits, failed }}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(count)
	zones := func(counts ...uint32) unixctl.Limits {
		l := unixctl.Limits{Zones: []unixctl.ZoneLimit{{Zone: sentinelZone, Limit: 1, Count: 1}, {Zone: 900, Count: 77}}}
		for i, n := range counts {
			l.Zones = append(l.Zones, unixctl.ZoneLimit{Zone: uint16(i + 1), Limit: 10, Count: n})
		}
		return l
	}
	names := []string{"ringfence_controller_connections", "ringfence_controller_nics_at_connection_limit", "ringfence_controller_nic_connection_limit_hits_total",
		"ringfence_controller_connection_table_connections", "ringfence_controller_connection_table_max"}
	for _, step := range []struct {
		name   string
		limits unixctl.Limits
		failed error
		want   string // the five, in order; - = not told
	}{
		{"before", zones(), errors.New("no switch"), "- - 0 - -"},
		{"some", zones(3, 4), nil, "7 0 0 3 9"},
		{"one is full", zones(10, 4), nil, "14 1 1 3 9"},
		{"it stays", zones(10, 5), nil, "15 1 1 3 9"},
		{"both", zones(10, 11), nil, "21 2 2 3 9"},
		{"the switch does not answer", zones(1, 1), errors.New("away"), "- - 2 - -"},
		{"neither", zones(1, 1), nil, "2 0 2 3 9"},
		{"again", zones(10, 0), nil, "10 1 3 3 9"},
	} {
		limits, failed = step.limits, step.failed
		count.look(t.Context())
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]string{}
		for _, f := range families {
			m := f.GetMetric()[0]
			told[f.GetName()] = fmt.Sprint(m.GetGauge().GetValue() + m.GetCounter().GetValue())
		}
		var got []string
		for _, name := range names {
			got = append(got, cmp.Or(told[name], "-"))
		}
		if got := strings.Join(got, " "); got != step.want {
			t.Errorf("%s: %s, want %s", step.name, got, step.want)
		}
	}
}
