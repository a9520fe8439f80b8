package ofsim

import (
	"github.com/ringfence/ringfence/openflow"
)

// Sim is a set of flows that packets can be sent through, with the semantics of
// Open vSwitch: priorities, conjunctions, resubmits, registers and connection
// tracking (ovs-fields(7), ovs-actions(7)). It is checked against ofproto/trace
// of a real ovs-vswitchd.
//
// Any number of Runs may go on at once, but none beside Add or Delete.
type Sim struct {
	tables map[uint8]*flowTable
}

// New returns a Sim with these flows. Of two flows with one FlowKey the later
// one counts.
func New(flows []openflow.Flow) *Sim {
	s := &Sim{tables: make(map[uint8]*flowTable)}
	for _, f := range flows {
		s.Add(f)
	}
	return s
}

// Add installs a flow; it takes the place of one with the same FlowKey.
func (s *Sim) Add(f openflow.Flow) {
	t := s.tables[f.Table]
	if t == nil {
		t = newFlowTable()
		s.tables[f.Table] = t
	}
	t.add(f)
}

// Delete removes the flow with this key and reports whether there was one.
func (s *Sim) Delete(k openflow.FlowKey) bool {
	t := s.tables[k.Table]
	return t != nil && t.remove(k)
}

// Len returns the number of flows.
func (s *Sim) Len() int {
	n := 0
	for _, t := range s.tables {
		n += t.size
	}
	return n
}
