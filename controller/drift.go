package controller

import (
	"sync"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
)

// drift collects what others do to the flow tables, until the engine puts it
// right.
type drift struct {
	mu    sync.Mutex
	flows map[openflow.FlowKey]*openflow.Flow // as they are now; nil = gone
}

func newDrift() *drift { return &drift{flows: map[openflow.FlowKey]*openflow.Flow{}} }

// note takes what the switch's flow monitor reports. Changes of ours come
// abbreviated; others' in full.
func (d *drift) note(updates []openflow.FlowUpdate) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, u := range updates {
		switch u.Event {
		case openflow.FlowAdded, openflow.FlowModified:
			d.flows[u.Flow.Key()] = &u.Flow
		case openflow.FlowRemovedNow:
			d.flows[u.Flow.Key()] = nil
		}
	}
}

func (d *drift) take() map[openflow.FlowKey]*openflow.Flow {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.flows
	d.flows = map[openflow.FlowKey]*openflow.Flow{}
	return out
}

// ours tells whether a flow is under our control: it has our cookie, or it is
// in the inside of our pipeline, where nobody else has any business and a flow
// could open or shut a NIC. Flows of others in the entry table, which is the
// bridge's front door, and in tables that are not ours stay untouched.
func ours(f openflow.Flow) bool {
	if f.Cookie&ofrules.CookieMask == ofrules.CookieOwner {
		return true
	}
	_, table := ofrules.TableNames()[f.Table]
	return table && f.Table != ofrules.TableEntry
}

// repair returns what puts the drifted flows right. A foreign flow that took
// the place of one of ours is replaced.
func repair(drifted map[openflow.FlowKey]*openflow.Flow, desired func(openflow.FlowKey) (openflow.Flow, bool)) ofrules.Delta {
	var d ofrules.Delta
	for k, now := range drifted {
		want, ok := desired(k)
		switch {
		case ok && (now == nil || *now != want):
			d.Put = append(d.Put, want)
		case !ok && now != nil && ours(*now):
			d.Delete = append(d.Delete, *now)
		}
	}
	return d
}
