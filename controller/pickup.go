package controller

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
)

// After the switch has forgotten its connections TCP is picked up in mid-stream
// for pickUpFor. What came up is judged at pickUpLook, when most that goes on has,
// and at the end.
const (
	pickUpFor  = 30 * time.Second
	pickUpLook = 300 * time.Millisecond
)

// pickUpNotAfter is for how long after a NIC came to be filtered nothing of it is
// picked up: what nothing allows may have begun before, and is known to be cut only
// if the switch had not forgotten it by then.
const pickUpNotAfter = 5 * time.Second

// filter notes NICs that are filtered from now on and were not.
func (m *memory) filter(nics map[string]struct{}, now time.Time) {
	for nic, since := range m.filtered {
		if now.Sub(since) > pickUpNotAfter && m.end.IsZero() {
			delete(m.filtered, nic)
		}
	}
	if len(nics) == 0 {
		return
	}
	if m.barred = true; m.filtered == nil {
		m.filtered = map[string]time.Time{}
	}
	for nic := range nics {
		m.filtered[nic] = now
	}
}

// pickUpAnew begins to pick up.
func (e *engine) pickUpAnew(ctx context.Context, in hostInput) error {
	now := time.Now()
	e.log.Info("the switch has forgotten its connections; picking up TCP in mid-stream for a while")
	e.memory.look, e.memory.end = now.Add(pickUpLook), now.Add(pickUpFor)
	e.sweeper.picksUp(e.memory.end)
	return e.pickUp(ctx, in)
}

// pickUp puts the flows in that pick TCP up until e.memory.end.
func (e *engine) pickUp(ctx context.Context, in hostInput) error {
	m := &e.memory
	whole := max(time.Until(m.end).Round(time.Second), time.Second)
	mods := passing(whole, ofrules.PickUp())
	for nic, since := range m.filtered {
		if zone := in.zones.zone(nic); zone != 0 && m.end.Sub(since) < pickUpFor+pickUpNotAfter {
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
// What came up is judged at the end of each part.
func (e *engine) pickOn(ctx context.Context, in hostInput) (time.Duration, error) {
	now := time.Now()
	look := sweep{loss: impact.Loss{All: true}}
	m := &e.memory
	if !m.end.IsZero() && m.barred {
		if err := e.pickUp(ctx, in); err != nil {
			return 0, err
		}
	}
	switch {
	case m.end.IsZero():
		return 0, nil
	case !m.look.IsZero() && now.Before(m.look):
		return m.look.Sub(now), nil
	case !m.look.IsZero():
		m.look = time.Time{}
		e.sweeper.expect(look)
		return time.Until(m.end) + time.Second, nil
	case now.Before(m.end.Add(time.Second)): // the flows' timeouts are whole seconds
		return m.end.Add(time.Second).Sub(now), nil
	default:
		m.end = time.Time{}
		e.sweeper.expect(look)
		return 0, nil
	}
}
