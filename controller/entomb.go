package controller

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// After the userspace datapath has forgotten its connections (its ovs-vswitchd
// was restarted), TCP is picked up in mid-stream for pickUpFor: from pickUpOut on
// also by what a NIC sends, which until then has hidden who began.
const (
	pickUpFor = 30 * time.Second
	pickUpOut = 2 * time.Second
)

// memory is what the engine knows of its switch's memory of connections.
type memory struct {
	process string          // ovs-vswitchd's
	fresh   map[string]bool // NICs whose zones may lack tombstones
	out     time.Time       // when what NICs send is picked up, too; zero: not to be
	end     time.Time       // when the last of that is over; zero: it is
}

// entomb has tombstones put where the switch does not have them any more, before
// its flows let anything through: those of NICs that got a zone just now, and all
// if it has forgotten its connections. Only then it picks up others in
// mid-stream: what it must not pick up has to be known.
func (e *engine) entomb(ctx context.Context, in hostInput) error {
	process, err := unixctl.FindVswitchd(e.cfg.RunDir)
	if err != nil {
		return err
	}
	bridge, _, _ := e.plugs.get()
	process += " " + string(bridge.UUID) // a bridge made anew may have a new datapath
	// The kernel remembers its connections.
	userspace := bridge.DatapathType != "" && bridge.DatapathType != "system"
	forgot := e.memory.process != "" && e.memory.process != process && userspace
	for _, nic := range in.fresh {
		if e.memory.fresh == nil {
			e.memory.fresh = map[string]bool{}
		}
		e.memory.fresh[nic] = true
	}
	if !forgot && len(e.memory.fresh) == 0 {
		e.memory.process = process
		return nil
	}
	for zone, nic := range in.zones {
		if !forgot && !e.memory.fresh[nic] {
			continue
		}
		conns := e.tombs.of(nic, zone, time.Now())
		e.view.policy(func(s *secgroup.Snapshot) { conns = refused(e.tombs, s, nic, conns) })
		if err := cutConns(ctx, e.conn, e.datapath(), conns, true); err != nil {
			return err
		}
	}
	e.memory.process, e.memory.fresh = process, nil
	if !forgot {
		return nil
	}
	now := time.Now()
	e.log.Info("the switch has forgotten its connections; picking up TCP in mid-stream for a while")
	e.memory.out, e.memory.end = now.Add(pickUpOut), now.Add(pickUpFor)
	e.sweeper.picksUp(e.memory.end)
	return e.pickUp(ctx, false)
}

// pickUp puts the flows in that pick TCP up until e.memory.end.
func (e *engine) pickUp(ctx context.Context, out bool) error {
	var mods []openflow.FlowMod
	left := max(time.Until(e.memory.end).Round(time.Second), time.Second)
	for _, f := range ofrules.PickUp(out) {
		mods = append(mods, openflow.FlowMod{Command: openflow.FlowAdd, Flow: f, HardTimeout: uint16(left.Seconds())})
	}
	return e.conn.Bundle(ctx, mods)
}

// pickOn goes on with that, and says when to be called again, 0 for not at all.
// What came up is judged at the end of each part.
func (e *engine) pickOn(ctx context.Context) (time.Duration, error) {
	now := time.Now()
	look := sweep{concern: concern{all: true}}
	switch m := &e.memory; {
	case m.end.IsZero():
		return 0, nil
	case !m.out.IsZero() && !now.Before(m.out):
		if err := e.pickUp(ctx, true); err != nil {
			return 0, err
		}
		m.out = time.Time{}
		e.sweeper.expect(look)
		return time.Until(m.end) + time.Second, nil
	case !m.out.IsZero():
		return m.out.Sub(now), nil
	case now.Before(m.end.Add(time.Second)): // the flows' timeouts are whole seconds
		return m.end.Add(time.Second).Sub(now), nil
	default:
		m.end = time.Time{}
		e.sweeper.expect(look)
		return 0, nil
	}
}
