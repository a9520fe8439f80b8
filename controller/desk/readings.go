package desk

import (
	"time"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
)

// readings are flows' counters as they were read last. Flows come and go, and
// outlive the controller that counts them.
type readings struct {
	since time.Time // nothing is counted that was there before
	last  map[openflow.FlowKey]tallied
}

// tallied is a flow's counters as they were read last.
type tallied struct {
	packets, bytes uint64
	at             time.Time
}

// next takes the present counters in place of the former, and tells fn by how much
// each flow's have grown.
func (r *readings) next(now time.Time, stats []wire.FlowStats, fn func(s wire.FlowStats, packets, bytes uint64)) {
	next := make(map[openflow.FlowKey]tallied, len(stats))
	for _, s := range stats {
		key := s.Key()
		next[key] = tallied{s.Packets, s.Bytes, now}
		before, seen := r.last[key]
		switch {
		case !seen && now.Add(-s.Duration).Before(r.since):
			continue // of a former run: nobody knows how much of it is new
		case seen && (s.Duration < now.Sub(before.at) || s.Packets < before.packets):
			before = tallied{} // it was put in place anew and counts from 0
		}
		if s.Packets > before.packets {
			fn(s, s.Packets-before.packets, s.Bytes-min(before.bytes, s.Bytes))
		}
	}
	r.last = next
}
