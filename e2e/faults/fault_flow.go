package faults

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/internal/lab"
)

// flowKinds edit what the switch has behind its controller's back.
func flowKinds() []Kind {
	return []Kind{
		{Name: "flows deleted", Weight: 6, Targets: hostNames, Touches: theHost, Do: flowsDeleted},
		{Name: "foreign flow drops", Weight: 3, Targets: hostNames, Touches: theHost, Do: foreignDrops},
		{Name: "foreign flow opens", Weight: 3, Targets: hostNames, Touches: theHost, Do: foreignOpens},
		{Name: "conntrack flushed", Weight: 5, Targets: hostNames, Touches: theHost, Do: conntrackFlushed},
	}
}

// flowsDeleted deletes all flows, or those of a table.
func flowsDeleted(ctx context.Context, w *World, f Fault) error {
	args := []string{"del-flows", lab.Bridge}
	if tables := []string{"", "table=0", "table=20", "table=40", "table=70", "table=90", "table=100"}; f.Salt%7 != 0 {
		args = append(args, tables[f.Salt%7])
	}
	_, err := w.Lab.Host(f.Target).Ofctl(ctx, args...)
	return err
}

// foreignDrops adds a flow that drops everything in one of our tables.
func foreignDrops(ctx context.Context, w *World, f Fault) error {
	table := []string{"10", "20", "50", "60", "70", "100"}[f.Salt%6]
	_, err := w.Lab.Host(f.Target).Ofctl(ctx, "add-flow", lab.Bridge, "table="+table+",priority=65000,actions=drop")
	return err
}

// opensFor is how long somebody's flow may stay where it opens a NIC, see
// semantics.md §5, and what it let in may go on after that.
const opensFor = time.Second + revokedWithin

// foreignOpens adds a flow that accepts every connection. What it has let in
// must end with it.
func foreignOpens(ctx context.Context, w *World, f Fault) error {
	from := time.Now()
	_, err := w.Lab.Host(f.Target).Ofctl(ctx, "add-flow", lab.Bridge, "table=90,priority=65000,ip,actions=goto_table:95")
	w.excuse(excuse{Window: Window{from, time.Now().Add(opensFor)}, why: f.Kind, of: w.touches(f.Target), opens: true})
	return err
}

// conntrackFlushed has the switch forget its connections.
func conntrackFlushed(ctx context.Context, w *World, f Fault) error {
	from := time.Now()
	_, err := w.Lab.Host(f.Target).Appctl(ctx, "dpctl/flush-conntrack")
	w.forgets(f, f.Target, from)
	return err
}
