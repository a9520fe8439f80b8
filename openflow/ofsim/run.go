package ofsim

import (
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/openflow"
)

// Limits of a translation: ofproto-dpif-xlate.c MAX_DEPTH and MAX_RESUBMITS,
// dpif-netdev.c MAX_RECIRC_DEPTH.
const (
	maxDepth          = 64
	maxResubmits      = maxDepth * maxDepth
	maxRecirculations = 6
)

// ErrTooDeep means that the packet ran into a limit of the switch, which then
// drops it.
var ErrTooDeep = errors.New("too deep")

// ErrNotSimulated means that a flow has an action that Sim does not know.
var ErrNotSimulated = errors.New("action is not simulated")

// ConntrackFunc is the connection tracker: it returns the ct_state (CTNew,
// CTEstablished, … with CTTracked), ct_mark and ct_label that a packet gets in
// a zone. p is the packet as it reaches the ct action, with what its exec() set.
// The fields of the connection's original direction (ct_nw_src, …) stay unset.
type ConntrackFunc func(zone uint16, p Packet) (state uint32, mark uint32, label [16]byte)

// Options says what the flows alone do not.
type Options struct {
	// Conntrack answers ct actions with a table. The zero value says trk|new
	// and leaves mark and label, as ofproto/trace does.
	Conntrack ConntrackFunc
	// Choose picks one of several conjunctions that match at once, of which OVS
	// takes any; nil picks the lowest.
	Choose func(table uint8, ids []uint32) uint32
}

// Run sends a packet through the tables, from table 0, and through every
// recirculation. Recirculated copies run after the pass that forked them, in
// order, as ofproto/trace shows them; the datapath runs them at once, so with
// several forks in one pass the order of the outputs may differ.
//
// The error is ErrTooDeep or ErrNotSimulated; Result then holds the way so far,
// and nothing that the failed pass sent: the switch drops it whole.
func (s *Sim) Run(p Packet, opts Options) (Result, error) {
	w := &walk{sim: s, opts: opts, result: Result{Packet: p}}
	err := w.run()
	return w.result, err
}

// fork is a packet on its way to a pass of its own.
type fork struct {
	packet Packet
	table  uint8
	nested int // recirculations before it
}

// walk is the state of one Run.
type walk struct {
	sim    *Sim
	opts   Options
	result Result
	forks  []fork
	finals []Packet // the packet at the end of each pass
	// follow, if set, says whether this is the flow to take next: for a walk
	// that goes after what a switch did.
	follow func(*flowRule) bool

	// Of the pass that is under way:
	packet    Packet // as its actions have left it
	tracked   bool   // ct_clear has something to clear
	number    int    // passes before it
	nested    int    // recirculations that led to it
	table     uint8  // whose flow acts
	level     int    // tables that were entered and not left, as Step.Depth tells
	depth     int    // those of them that were entered from the same or a later one, which MAX_DEPTH bounds
	resubmits int    // tables that were entered
}

// run makes the packet's first pass, and one for each fork of those before.
func (w *walk) run() error {
	w.forks = append(w.forks, fork{packet: w.result.Packet})
	for len(w.forks) > 0 {
		next := w.forks[0]
		w.forks = w.forks[1:]
		if err := w.pass(next); err != nil {
			return err
		}
	}
	return nil
}

// pass sends the packet of a fork through the tables. What a pass has sent that fails
// is taken back.
func (w *walk) pass(f fork) error {
	outputs, commits, ups, forks := len(w.result.Outputs), len(w.result.Commits), len(w.result.ToController), len(w.forks)
	w.packet, w.table, w.nested = f.packet, f.table, f.nested
	w.tracked = f.nested > 0 || f.packet.Uint(openflow.CTState)&openflow.CTTrk != 0
	w.level, w.depth, w.resubmits = 0, 0, 0
	if f.nested > 0 {
		w.note("recirculated: ct_state=%s,ct_zone=%d", ctStateText(f.packet.Uint(openflow.CTState)), f.packet.Uint(openflow.CTZone))
	}
	err := w.visit(f.table, 0)
	if err != nil {
		w.note("dropped: %v", err)
		w.result.Outputs = w.result.Outputs[:outputs]
		w.result.Commits = w.result.Commits[:commits]
		w.result.ToController = w.result.ToController[:ups]
		w.forks = w.forks[:forks]
	}
	w.finals = append(w.finals, w.packet)
	w.number++
	return err
}

// enter is a resubmit or goto. It deepens if it goes to the same or an earlier
// table. inPort, if not 0, stands in for the input port in the lookup.
func (w *walk) enter(table uint8, inPort uint32) error {
	if w.depth >= maxDepth {
		return fmt.Errorf("table %d: %w: over %d nested resubmits", table, ErrTooDeep, maxDepth)
	}
	if w.resubmits >= maxResubmits {
		return fmt.Errorf("table %d: %w: over %d resubmits", table, ErrTooDeep, maxResubmits)
	}
	w.resubmits++
	if table <= w.table {
		w.depth++
		defer func() { w.depth-- }()
	}
	return w.visit(table, inPort)
}

// visit looks the packet up in a table and executes what it finds.
func (w *walk) visit(table uint8, inPort uint32) error {
	hit := w.lookup(table, inPort)
	if hit.rule == nil {
		w.result.Steps = append(w.result.Steps, Step{Pass: w.number, Depth: w.level, Table: table,
			Note: fmt.Sprintf("table=%d: no flow matches, drop", table)})
		return nil
	}
	step := Step{Pass: w.number, Depth: w.level, Table: table, Flow: &hit.rule.flow, ConjID: hit.conjID, Complete: hit.ids}
	for _, r := range hit.rivals {
		step.Rivals = append(step.Rivals, r.flow)
	}
	w.result.Steps = append(w.result.Steps, step)

	before := w.table
	w.table = table
	w.level++
	err := w.execute(hit.rule.actions)
	w.level--
	w.table = before
	return err
}

// lookup returns the flow that the packet meets in a table, where inPort, if not 0,
// stands in for its input port.
func (w *walk) lookup(table uint8, inPort uint32) found {
	t := w.sim.tables[table]
	if t == nil {
		return found{}
	}
	p := &w.packet
	if fragment := p.Uint(openflow.IPFrag)&openflow.FragAny != 0; fragment || inPort != 0 {
		seen := *p
		if fragment {
			// With the switch's default fragment handling no fragment, not
			// even the first, shows its ports to the tables.
			seen.hidePorts()
		}
		if inPort != 0 {
			seen.fields[openflow.InPort] = value128{lo: uint64(inPort)}
		}
		p = &seen
	}
	return t.lookup(p, func(ids []uint32) uint32 { return w.choose(t, p, table, ids) })
}

// choose picks one of several complete conjunctions.
func (w *walk) choose(t *flowTable, p *Packet, table uint8, ids []uint32) uint32 {
	switch {
	case w.follow != nil:
		for _, id := range ids {
			if rule := t.lookupConjunction(p, id).rule; rule != nil && w.follow(rule) {
				return id
			}
		}
	case w.opts.Choose != nil:
		return w.opts.Choose(table, ids)
	}
	return ids[0]
}

// note adds a step that tells what an action did.
func (w *walk) note(format string, args ...any) {
	w.result.Steps = append(w.result.Steps, Step{
		Pass: w.number, Depth: w.level, Table: w.table, Note: fmt.Sprintf(format, args...)})
}
