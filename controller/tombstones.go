package controller

import (
	"context"
	"iter"
	"time"

	"github.com/ringfence/ringfence/unixctl"
)

// connMemory is what the engine knows of its switch's memory of connections.
type connMemory struct {
	process      string // ovs-vswitchd's
	sentinel     sentinel
	zonesNew     map[string]bool      // NICs whose zones may lack tombstones
	nextLook     time.Time            // when what was picked up is judged next
	pickUpEnds   time.Time            // when that is over; zero: it is
	unsure       map[string]time.Time // NICs that may have connections which nobody knows, and since when
	unsureAdded  bool                 // some NICs are not picked up from now on
	startChecked bool                 // what the switch held at the controller's start is known
}

// restoreTombstones has tombstones put where the switch does not have them any more, before
// its flows let anything through: those of NICs that got a zone just now, and all
// if it has forgotten its connections. Only then it picks up others in
// mid-stream: what it must not pick up has to be known.
func (e *engine) restoreTombstones(ctx context.Context, in hostInput) error {
	process, err := unixctl.FindVswitchd(e.cfg.RunDir)
	if err != nil {
		return err
	}
	bridge, _, _ := e.plugs.get()
	process += " " + string(bridge.UUID) // a bridge made anew may have a new datapath
	// The kernel remembers its connections.
	userspace := bridge.DatapathType != "" && bridge.DatapathType != "system"
	forgot := e.memory.process != "" && e.memory.process != process && userspace || e.memory.sentinel.gone
	for _, nic := range in.zoneNew {
		if e.memory.zonesNew == nil {
			e.memory.zonesNew = map[string]bool{}
		}
		e.memory.zonesNew[nic] = true
	}
	if !forgot && len(e.memory.zonesNew) == 0 {
		e.memory.process = process
		return nil
	}
	for nic, zone := range e.mayLack(in, forgot) {
		e.cfg.Alive()
		if err := e.sweeper.Entomb(ctx, e.conn, nic, zone); err != nil {
			return err
		}
	}
	e.memory.process, e.memory.zonesNew = process, nil
	if !forgot {
		return nil
	}
	e.memory.sentinel = sentinel{}
	return e.pickUpAnew(ctx, in)
}

// mayLack yields the NICs, with their zones, that may lack tombstones: all if the
// switch has forgotten its connections.
func (e *engine) mayLack(in hostInput, forgot bool) iter.Seq2[string, uint16] {
	return func(yield func(string, uint16) bool) {
		if forgot {
			for zone, nic := range in.zones.All() {
				if !yield(nic, zone) {
					return
				}
			}
			return
		}
		for nic := range e.memory.zonesNew {
			if zone := in.zones.Zone(nic); zone != 0 && !yield(nic, zone) {
				return
			}
		}
	}
}
