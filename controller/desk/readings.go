package desk

import (
	"time"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
)

// readings turns the counters of flows into differences. A flow may be removed and added
// again between two readings, and may be older than the controller that reads it.
type readings struct {
	since time.Time // flows that are older count from their first reading on
	last  map[openflow.FlowKey]reading
}

// reading is the counters of a flow at the last reading.
type reading struct {
	packets, bytes uint64
	readAt         time.Time
}

// next is given the counters of all flows at each reading. It calls fn for each flow whose
// counters have grown since the last one, with the difference.
func (r *readings) next(now time.Time, stats []wire.FlowStats, fn func(s wire.FlowStats, packets, bytes uint64)) {
	next := make(map[openflow.FlowKey]reading, len(stats))
	for _, s := range stats {
		key := s.Key()
		next[key] = reading{s.Packets, s.Bytes, now}
		before, seen := r.last[key]
		switch {
		case !seen && now.Add(-s.Duration).Before(r.since):
			continue // an earlier controller may have counted it already
		case seen && (s.Duration < now.Sub(before.readAt) || s.Packets < before.packets):
			before = reading{} // it was removed and added again, and counts from 0
		}
		if s.Packets > before.packets {
			fn(s, s.Packets-before.packets, s.Bytes-min(before.bytes, s.Bytes))
		}
	}
	r.last = next
}
