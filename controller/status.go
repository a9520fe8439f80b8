package controller

import (
	"maps"
	"slices"
	"time"

	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/store"
)

// What the parts of the controller say of themselves, for the reporter to write.

// connection notes the connection to the switch, nil for none. Whatever was said
// of the switch before does not hold any more.
func (r *reporter) connection(conn *ofconn.Conn) {
	r.update(soon, func() bool {
		changed := set(&r.status.Connected, conn != nil)
		changed = set(&r.status.Applied, 0) || changed
		r.conn, r.settled, r.number = conn, 0, 0
		return changed
	})
}

// Applied says that the revision of a job is in force at its switch: its flows are
// installed and confirmed, and open connections were judged by it. noConcern tells
// that it changed nothing here.
func (r *reporter) Applied(j revoke.Job, noConcern bool) {
	within := time.Duration(atOnce)
	if noConcern && j.Update == 0 { // else it was sent because it is waited for
		within = lazily
	}
	r.update(within, func() bool {
		changed := false
		if j.Conn == r.conn {
			changed = set(&r.status.Applied, j.Rev)
			changed = set(&r.status.Mark, j.Mark) || changed
			changed = set(&r.number, j.Update) || changed
			if r.waits != nil {
				r.waits.inForce(j.Rev, !noConcern)
			}
		}
		return changed || !r.due.IsZero()
	})
}

// lost has the reports tell of writes that the store does not have any more.
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

// Settled says that the switch behind conn decides by the flows that it had after
// a step of the engine: a NIC that was plugged then is ready if its flows are
// among them.
func (r *reporter) Settled(conn *ofconn.Conn, step uint64) {
	r.update(soon, func() bool { // the revision follows
		if conn != r.conn {
			return false
		}
		r.settled = step
		changed := false
		for nic := range r.unsettled {
			if n, _ := r.nics.Get(nic); r.ready(n) {
				delete(r.unsettled, nic)
				changed = true
			}
		}
		return changed
	})
}

// ready tells whether a NIC's policy is in force where it is now.
func (r *reporter) ready(n nicReport) bool { return n.installed && n.since <= r.settled }

// plugged notes what is to be said of NICs, nil for one that is not plugged any
// more. All tells that there are no others.
func (r *reporter) plugged(all bool, nics map[string]*nicReport) {
	r.update(soon, func() bool {
		changed := !r.seen
		r.seen = true
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
			if r.ready(*now) || !now.installed {
				delete(r.unsettled, nic)
			} else {
				r.unsettled[nic] = struct{}{}
			}
		}
		return changed
	})
}

func (r *reporter) unplugged(nic string) (was bool) {
	delete(r.unsettled, nic)
	_, was = r.nics.Delete(nic)
	return was
}

// problem notes what keeps a part from working; nil: nothing.
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

// Judged notes why open connections cannot be judged; nil: they can.
func (r *reporter) Judged(err error) { r.problem("connections", err) }

// refused notes the flows that the switch does not take.
func (r *reporter) refused(why []string) {
	r.update(soon, func() bool {
		changed := !slices.Equal(why, r.refusals)
		r.refusals = why
		return changed
	})
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

// begun notes how many packets began a connection, by account. They go along with
// what is reported anyway, at the latest with the next sign of life.
func (r *reporter) begun(packets map[string]uint64, since time.Time) {
	r.update(lazily, func() bool {
		r.status.Begun, r.status.BegunSince = packets, since
		return false
	})
}

func (r *reporter) flows(n int) {
	r.update(soon, func() bool { return set(&r.status.Flows, n) })
}
