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

// pickUpNotAfter is for how long nothing is picked up of a NIC since it is filtered on
// this host. Its VM may still send for connections that nothing allows and that have no
// tombstone, as the switch never let them begin. TCP retransmits ever more rarely, and
// most such connections are given up in that time.
const pickUpNotAfter = 15 * time.Second

// markUnsure notes NICs of which nothing is picked up for pickUpNotAfter: those that are
// filtered from now on and were not, those that were plugged on this host just now, and
// at the controller's start those whose flows were not in the switch.
func (e *engine) markUnsure(nics iter.Seq[string]) {
	m, now := &e.memory, time.Now()
	for nic, since := range m.unsure {
		if now.Sub(since) > e.cfg.timing.unsure && m.pickUpEnds.IsZero() {
			delete(m.unsure, nic)
		}
	}
	for nic := range nics {
		if m.unsure == nil {
			m.unsure = map[string]time.Time{}
		}
		m.unsure[nic], m.unsureAdded = now, true
	}
}

// markUnfilteredUnsure compares the flows that the switch had when the controller started
// with the desired ones, and marks the NICs that only the latter filter. It does so once.
func (e *engine) markUnfilteredUnsure(have, want []openflow.Flow) {
	if e.memory.startChecked {
		return
	}
	e.memory.startChecked = true
	before := filteredIn(have)
	e.markUnsure(func(yield func(string) bool) {
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

const forgotConnections = "the switch has forgotten its connections"

// pickUpAnew begins to pick up TCP in mid-stream, after the switch has forgotten its
// connections.
func (e *engine) pickUpAnew(ctx context.Context, in hostInput) error {
	now := time.Now()
	e.log.Info(forgotConnections + "; picking up TCP in mid-stream for a while")
	e.memory.nextLook, e.memory.pickUpEnds = now.Add(pickUpLook), now.Add(pickUpFor)
	return e.pickUp(ctx, in, pickUpNothing()) // NICs that were unsure at an earlier loss need not be now
}

// pickUp installs the flows that pick TCP up until e.memory.pickUpEnds, after the changes
// of before, in the same bundle.
func (e *engine) pickUp(ctx context.Context, in hostInput, before ...wire.FlowMod) error {
	m := &e.memory
	whole := max(time.Until(m.pickUpEnds).Round(time.Second), time.Second)
	mods := append(before, expiring(whole, ofrules.PickUp())...)
	for nic, since := range m.unsure {
		if zone := in.zones.Zone(nic); zone != 0 && m.pickUpEnds.Sub(since) < pickUpFor+e.cfg.timing.unsure {
			mods = append(mods, expiring(whole, ofrules.PickUpNothing(zone))...)
		}
	}
	if err := e.conn.Bundle(ctx, mods); err != nil {
		return err
	}
	m.unsureAdded = false
	return nil
}

// expiring returns the changes that add flows with a hard timeout.
func expiring(after time.Duration, flows []openflow.Flow) (mods []wire.FlowMod) {
	for _, f := range flows {
		mods = append(mods, wire.FlowMod{Command: wire.FlowAdd, Flow: f, HardTimeout: uint16(after.Seconds())})
	}
	return mods
}

// pickUpNothing returns the change that deletes all flows that pick connections up.
func pickUpNothing() wire.FlowMod {
	return wire.FlowMod{
		Command: wire.FlowDelete, CookieMask: ofrules.KindMask, Flow: openflow.Flow{Table: wire.AllTables, Cookie: ofrules.PickUpCookie},
	}
}

// continuePickUp is called in each step while TCP is picked up: it has what was picked up
// judged when that is due. It returns when to be called again, 0 for not at all.
func (e *engine) continuePickUp(ctx context.Context, in hostInput) (time.Duration, error) {
	now := time.Now()
	look := revoke.Work{Lost: revoke.Lost{All: true}}
	m := &e.memory
	if !m.pickUpEnds.IsZero() && m.unsureAdded {
		if err := e.pickUp(ctx, in); err != nil {
			return 0, err
		}
	}
	switch {
	case m.pickUpEnds.IsZero():
		return 0, nil
	case now.Before(m.nextLook):
		return m.nextLook.Sub(now), nil
	case now.Before(m.pickUpEnds.Add(time.Second)): // the flows' timeouts are whole seconds
		m.nextLook = now.Add(max(pickUpAgain, e.sweeper.PauseBetweenLooks()))
		e.sweeper.Expect(look)
		return m.nextLook.Sub(now), nil
	default:
		m.pickUpEnds = time.Time{}
		e.sweeper.Expect(look)
		return 0, nil
	}
}
