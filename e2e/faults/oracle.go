package faults

import (
	"fmt"
	"time"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/verdict"
)

// Rule says what must become of a flow's packets.
type Rule int

// What must become of packets. May is while the policy changes, or nobody knows.
const (
	May Rule = iota
	Must
	MustNot
)

func (r Rule) String() string { return [...]string{"may pass", "must pass", "must not pass"}[r] }

// Phase is since when what must become of a flow's packets.
type Phase struct {
	Since time.Time
	Rule  Rule
}

// Oracle says what must become of flows, by package verdict over what the API
// has acknowledged.
type Oracle struct {
	slots []Slot
	known map[string]bool // by flow and the values of its slots
}

// NewOracle makes one.
func NewOracle(slots []Slot) *Oracle { return &Oracle{slots: slots, known: map[string]bool{}} }

// Phases are what the flow was to do since a time.
func (o *Oracle) Phases(f *Flow, b *Book, since time.Time) []Phase {
	var phases []Phase
	for _, at := range b.Times(f.Slots, since) {
		rule := o.at(f, func(slot int) values { return b.At(slot, at) })
		if len(phases) == 0 || phases[len(phases)-1].Rule != rule {
			phases = append(phases, Phase{at, rule})
		}
	}
	return phases
}

// Now is what the flow is to do now.
func (o *Oracle) Now(f *Flow, b *Book) Rule { return o.at(f, b.Now) }

// at tries every combination of the values that the flow's slots may have.
func (o *Oracle) at(f *Flow, may func(slot int) values) Rule {
	all := make([]int, len(o.slots))
	allowed, denied := false, false
	var try func(i int)
	try = func(i int) {
		if i == len(f.Slots) {
			if o.allows(f, all) {
				allowed = true
			} else {
				denied = true
			}
			return
		}
		slot := f.Slots[i]
		for v := range o.slots[slot].Values {
			if may(slot).has(v) {
				all[slot] = v
				try(i + 1)
			}
		}
	}
	try(0)
	switch {
	case allowed && denied:
		return May
	case allowed:
		return Must
	default:
		return MustNot
	}
}

// allows asks verdict, of the flow as it begins and, where both ends send, of
// what the other end would begin.
func (o *Oracle) allows(f *Flow, all []int) bool {
	key := f.Name
	for _, slot := range f.Slots {
		key += fmt.Sprintf(" %d", all[slot])
	}
	if known, ok := o.known[key]; ok {
		return known
	}
	p := newPolicy()
	for i, s := range o.slots {
		s.apply(all[i], p)
	}
	s := p.snapshot()
	from, to := machineNamed(f.From), machineNamed(f.To)
	if p.absent[f.From] || p.absent[f.To] {
		o.known[key] = false // a NIC without a policy has nothing but the guard's needs
		return false
	}
	_, _, allow := verdict.Decide(s, s.NIC(from.nic()), s.NIC(to.nic()), f.packet(from, to, f.ClientPort, f.Port))
	if f.Both && !allow {
		_, _, allow = verdict.Decide(s, s.NIC(to.nic()), s.NIC(from.nic()), f.packet(to, from, f.Port, f.ClientPort))
	}
	o.known[key] = allow
	return allow
}

func (f *Flow) packet(from, to machine, sport, dport uint16) packet.Tuple {
	p := packet.Tuple{
		Src: from.address(f.Family), Dst: to.address(f.Family),
		Proto: packet.ProtoUDP, SrcPort: sport, DstPort: dport,
	}
	if f.Proto == "tcp" {
		p.Proto = packet.ProtoTCP
	}
	return p
}
