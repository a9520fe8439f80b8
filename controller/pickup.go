package controller

import (
	"context"
	"iter"
	"time"

	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
)

// After the switch has forgotten its connections TCP is picked up in mid-stream
// for pickUpFor. What came up is judged at pickUpLook, when most that goes on has,
// then every pickUpAgain (and for a share of the time at most), and at the
// end: the other end may be a NIC of another host, whose rules this one's flows do
// not have.
const (
	pickUpFor   = 30 * time.Second
	pickUpLook  = 300 * time.Millisecond
	pickUpAgain = 300 * time.Millisecond
)

// pickUpNotAfter is for how long nothing is picked up of a NIC that was not filtered
// here before. Its VM may have connections that nothing allows, and nobody knows to
// be cut: the switch never let them begin. Their ends try ever more rarely, and
// most give up in that time.
const pickUpNotAfter = 15 * time.Second

// doubt notes such NICs: those that are filtered from now on and were not, those
// that came to this host, and at the controller's start those whose flows were not
// in the switch.
func (e *engine) doubt(nics iter.Seq[string]) {
	m, now := &e.memory, time.Now()
	for nic, since := range m.unsure {
		if now.Sub(since) > e.cfg.timing.unsure && m.end.IsZero() {
			delete(m.unsure, nic)
		}
	}
	for nic := range nics {
		if m.unsure == nil {
			m.unsure = map[string]time.Time{}
		}
		m.unsure[nic], m.barred = now, true
	}
}

// doubtUnfiltered looks at what the switch held when the controller started, and at what it
// should: a NIC that was not filtered then is in doubt.
func (e *engine) doubtUnfiltered(have, want []openflow.Flow) {
	if e.memory.adopted {
		return
	}
	e.memory.adopted = true
	before := filteredIn(have)
	e.doubt(func(yield func(string) bool) {
		for number := range filteredIn(want) {
			if nic, ok := e.tables.desired.compiler.NIC(number); ok && !before[number] && !yield(nic) {
				return
			}
		}
	})
}

// filteredIn returns the numbers of the NICs that flows filter: a NIC's source MAC
// is looked at only if it is filtered.
func filteredIn(flows []openflow.Flow) map[uint32]bool {
	numbers := map[uint32]bool{}
	for _, f := range flows {
		if c, ok := ofrules.ParseCookie(f.Cookie); ok && c.Kind == ofrules.KindNIC && f.Table == ofrules.TableEgressMAC {
			numbers[c.ID] = true
		}
	}
	return numbers
}

// pickUpAnew begins to pick up.
func (e *engine) pickUpAnew(ctx context.Context, in hostInput) error {
	now := time.Now()
	e.log.Info("the switch has forgotten its connections; picking up TCP in mid-stream for a while")
	e.memory.look, e.memory.end = now.Add(pickUpLook), now.Add(pickUpFor)
	return e.pickUp(ctx, in, pickUpNothing()) // who was in doubt at a loss before need not be now
}

// pickUp puts the flows in that pick TCP up until e.memory.end, after other changes.
func (e *engine) pickUp(ctx context.Context, in hostInput, before ...wire.FlowMod) error {
	m := &e.memory
	whole := max(time.Until(m.end).Round(time.Second), time.Second)
	mods := append(before, passing(whole, ofrules.PickUp())...)
	for nic, since := range m.unsure {
		if zone := in.zones.Zone(nic); zone != 0 && m.end.Sub(since) < pickUpFor+e.cfg.timing.unsure {
			mods = append(mods, passing(whole, ofrules.PickUpNothing(zone))...)
		}
	}
	if err := e.conn.Bundle(ctx, mods); err != nil {
		return err
	}
	m.barred = false
	return nil
}

// passing adds flows that end by themselves.
func passing(after time.Duration, flows []openflow.Flow) (mods []wire.FlowMod) {
	for _, f := range flows {
		mods = append(mods, wire.FlowMod{Command: wire.FlowAdd, Flow: f, HardTimeout: uint16(after.Seconds())})
	}
	return mods
}

// pickUpNothing takes away what a former run picks up.
func pickUpNothing() wire.FlowMod {
	return wire.FlowMod{
		Command: wire.FlowDelete, CookieMask: ofrules.KindMask, Flow: openflow.Flow{Table: wire.AllTables, Cookie: ofrules.PickUpCookie},
	}
}

// pickOn goes on with that, and says when to be called again, 0 for not at all.
func (e *engine) pickOn(ctx context.Context, in hostInput) (time.Duration, error) {
	now := time.Now()
	look := revoke.Work{Lost: revoke.Lost{All: true}}
	m := &e.memory
	if !m.end.IsZero() && m.barred {
		if err := e.pickUp(ctx, in); err != nil {
			return 0, err
		}
	}
	switch {
	case m.end.IsZero():
		return 0, nil
	case now.Before(m.look):
		return m.look.Sub(now), nil
	case now.Before(m.end.Add(time.Second)): // the flows' timeouts are whole seconds
		m.look = now.Add(max(pickUpAgain, e.sweeper.Rest()))
		e.sweeper.Expect(look)
		return m.look.Sub(now), nil
	default:
		m.end = time.Time{}
		e.sweeper.Expect(look)
		return 0, nil
	}
}
