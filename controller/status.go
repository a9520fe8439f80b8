package controller

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/store"
)

// The methods by which the parts of the controller change the status.

// connection notes the connection to the switch, nil for none. Nothing is in force until
// the sweeper reports how far the host is at this connection's switch.
func (r *reporter) connection(conn *ofconn.Conn) {
	r.update(soon, func() bool {
		changed := set(&r.status.Connected, conn != nil)
		changed = set(&r.status.Applied, 0) || changed
		r.conn, r.standing = conn, revoke.Standing{}
		return changed
	})
}

// partly delays the report of a revision that is in force for some NICs: as a rule the
// connections of the others have been judged within this time.
const partly = 20 * time.Millisecond

// Standing says how far the host is at a switch, and its NICs: a NIC that was plugged at
// a step is ready if its flows are among those of that step. Its revision is that of
// what is installed and confirmed, and by which its open connections were judged.
func (r *reporter) Standing(s revoke.Standing, why revoke.News) {
	within := map[revoke.News]time.Duration{revoke.Done: atOnce, revoke.Partly: partly, revoke.NothingChanged: lazily}[why]
	if why == revoke.NothingChanged && s.Whole.Update != 0 { // a relay sent it because somebody waits for it
		within = atOnce
	}
	r.update(within, func() bool {
		if s.Conn != r.conn {
			return !r.due.IsZero()
		}
		changed := !s.Same(&r.standing)
		r.standing = s
		for nic := range r.notReady {
			if n, _ := r.nics.Get(nic); r.ready(nic, n) {
				delete(r.notReady, nic)
				changed = true
			}
		}
		forward := r.status.Applied != s.Whole.Rev || r.status.Mark != s.Whole.Mark
		r.status.Applied, r.status.Mark = s.Whole.Rev, s.Whole.Mark
		if r.applyTimes != nil && forward {
			r.applyTimes.inForce(s.Whole.Rev, why != revoke.NothingChanged)
		}
		return changed || !r.due.IsZero()
	})
}

// lost puts writes into the reports that this host has applied and the store has lost.
func (r *reporter) lost(writes []store.Write) {
	r.update(atOnce, func() bool {
		changed := !slices.Equal(r.status.Lost, writes)
		r.status.Lost = writes
		return changed
	})
}

// revision is the policy revision in force.
func (r *reporter) revision() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status.Applied
}

// nicReport is what there is to say of a NIC that is plugged.
type nicReport struct {
	ofport    uint32
	problem   string // why it has not all its flows
	warning   string // what is wrong all the same
	installed bool   // the switch has its flows at its port
	since     uint64 // the engine's step that saw it come there
}

// ready tells whether a NIC's policy is in force where it is now.
func (r *reporter) ready(nic string, n nicReport) bool {
	return n.installed && n.since <= r.standing.Of(nic).Step
}

// plugged changes the reports of NICs, nil for one that is not plugged any more. If all is
// set, no other NICs are plugged.
func (r *reporter) plugged(all bool, nics map[string]*nicReport) {
	r.update(soon, func() bool {
		changed := !r.nicsKnown
		r.nicsKnown = true
		if all {
			for _, nic := range r.nics.Keys() {
				if _, ok := nics[nic]; !ok {
					changed = r.unplugged(nic) || changed
				}
			}
		}
		for nic, now := range nics {
			if now == nil {
				changed = r.unplugged(nic) || changed
				continue
			}
			was, had := r.nics.Set(nic, *now)
			changed = changed || !had || was != *now
			if r.ready(nic, *now) || !now.installed {
				delete(r.notReady, nic)
			} else {
				r.notReady[nic] = struct{}{}
			}
		}
		return changed
	})
}

func (r *reporter) unplugged(nic string) (was bool) {
	delete(r.notReady, nic)
	_, was = r.nics.Delete(nic)
	return was
}

// problem sets the error that keeps a part of the controller from working, nil for none.
func (r *reporter) problem(part string, err error) {
	r.update(soon, func() bool {
		old := r.problems[part]
		if err == nil {
			delete(r.problems, part)
			return old != nil
		}
		r.problems[part] = err
		return old == nil || old.Error() != err.Error()
	})
}

// Judged notes the error that keeps open connections from being judged, nil for none.
func (r *reporter) Judged(err error) { r.problem("connections", err) }

// refused notes the flows that the switch does not take.
func (r *reporter) refused(why []string) {
	r.update(soon, func() bool {
		changed := !slices.Equal(why, r.refusals)
		r.refusals = why
		return changed
	})
}

// receipt notes how it is known that packets meet a change.
func (r *reporter) receipt(way string) {
	r.update(soon, func() bool { return set(&r.status.Receipt, way) })
}

// linkLocals notes how many packets NICs sent from link-local addresses that are
// not their own.
func (r *reporter) linkLocals(packets map[string]uint64) {
	r.update(lazily, func() bool {
		changed := !maps.Equal(packets, r.dropped)
		r.dropped = packets
		return changed
	})
}

// begun notes how many packets began a connection, by account. They are written with the
// next report that has another reason, at the latest with the next heartbeat.
func (r *reporter) begun(packets map[string]uint64, since time.Time) {
	r.update(lazily, func() bool {
		r.status.Begun, r.status.BegunSince = packets, since
		return false
	})
}

func (r *reporter) flows(n int) {
	r.update(soon, func() bool { return set(&r.status.Flows, n) })
}

// current returns the status to write, the updates of the share that are in force when it
// says so, and whether it is known which NICs are plugged.
func (r *reporter) current() (status store.HostStatus, force share.InForce, seen bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.due = time.Time{}
	s := r.status
	s.Heartbeat = time.Now()
	s.Latest, s.LatestMark = r.standing.Latest.Rev, r.standing.Latest.Mark
	s.Errors = slices.Clone(r.refusals)
	for _, part := range slices.Sorted(maps.Keys(r.problems)) {
		s.Errors = append(s.Errors, part+": "+r.problems[part].Error())
	}
	s.NICs = make([]store.HostNIC, 0, r.nics.Len())
	r.nics.Scan(func(id string, n nicReport) bool {
		out := store.HostNIC{ID: id, OFPort: n.ofport, Error: cmp.Or(n.problem, n.warning), Ready: r.ready(id, n), LinkLocalDropped: r.dropped[id]}
		if out.Ready {
			out.Applied = r.standing.Of(id).Rev
		}
		s.NICs = append(s.NICs, out)
		return true
	})
	r.metrics.applied.Set(float64(s.Applied))
	r.metrics.errors.Set(float64(len(s.Errors)))
	connected := 0.0
	if s.Connected {
		connected = 1
	}
	r.metrics.connected.Set(connected)
	force = share.InForce{Whole: r.standing.Whole.Update, Latest: r.standing.Latest.Update, Behind: make(map[string]uint64, len(r.standing.Behind))}
	for nic, at := range r.standing.Behind {
		force.Behind[nic] = at.Update
	}
	return s, force, r.nicsKnown
}
