package controller

import (
	"context"
	"iter"
	"time"

	"github.com/ringfence/ringfence/unixctl"
)

// connMemory is what the engine knows of how much the switch remembers of connections.
type connMemory struct {
	process      string // ovs-vswitchd's control socket, and the bridge's row
	sentinel     sentinel
	zonesNew     map[string]bool      // NICs whose zones may lack tombstones
	nextLook     time.Time            // when what was picked up is judged next
	pickUpEnds   time.Time            // until when TCP is picked up; zero: it is not
	unsure       map[string]time.Time // NICs of which nothing is picked up, and since when, see markUnsure
	unsureAdded  bool                 // unsure has NICs for which no flows are installed yet
	startChecked bool                 // the flows at the controller's start were compared, see markUnfilteredUnsure
}

// restoreTombstones puts tombstones back that the switch has lost, before flows are
// installed that let anything through: those of NICs that got a zone in this step, and
// all of them if the switch has forgotten its connections. In that case it begins, after
// them, to pick up TCP in mid-stream: what is cut must not be picked up.
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
		if err := e.sweeper.RestoreTombstones(ctx, e.conn, nic, zone); err != nil {
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

// mayLack yields the NICs that may lack tombstones, with their zones: all of them if
// the switch forgot its connections, else those with new zones.
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
