package controller

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/ringfence/ringfence/ofrules"
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
		r.conn, r.settled = conn, nil
		return changed
	})
}

// applied says that rev, the write with that mark, is in force at the switch
// behind conn: its flows are installed and confirmed, and open connections were
// judged by it. noConcern tells that it changed nothing here.
func (r *reporter) applied(conn *ofconn.Conn, rev int64, mark string, noConcern bool) {
	within := time.Duration(atOnce)
	if noConcern {
		within = lazily
	}
	r.update(within, func() bool {
		changed := false
		if conn == r.conn {
			changed = set(&r.status.Applied, rev)
			changed = set(&r.status.Mark, mark) || changed
		}
		return changed || !r.due.IsZero()
	})
}

// revision is the policy revision in force.
func (r *reporter) revision() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status.Applied
}

// settle says that the switch behind conn decides by the flows that it has: a
// NIC that was plugged then is ready if its flows are among them.
func (r *reporter) settle(conn *ofconn.Conn, ports map[string]ofrules.Port) {
	r.update(soon, func() bool { // the revision follows
		if conn != r.conn {
			return false
		}
		r.settled = ports
		changed := false
		for i := range r.status.NICs {
			n := &r.status.NICs[i]
			changed = set(&n.Ready, r.ready(n.ID)) || changed
		}
		return changed
	})
}

// ready tells whether a NIC's policy is in force where it is now.
func (r *reporter) ready(nic string) bool {
	port, ok := r.confirmed[nic]
	return ok && r.settled[nic] == port
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

// refused notes the flows that the switch does not take.
func (r *reporter) refused(why []string) {
	r.update(soon, func() bool {
		changed := !slices.Equal(why, r.refusals)
		r.refusals = why
		return changed
	})
}

func (r *reporter) flows(n int) {
	r.update(soon, func() bool { return set(&r.status.Flows, n) })
}

// plugged notes the NICs that are plugged: why some have no flows, and where
// those are of which all flows are confirmed.
func (r *reporter) plugged(claims iter.Seq[claim], problems map[string]string, confirmed map[string]ofrules.Port) {
	r.update(soon, func() bool {
		r.confirmed = confirmed
		nics := make([]store.HostNIC, 0, len(r.status.NICs))
		for c := range claims {
			n := store.HostNIC{ID: c.nic, OFPort: c.iface.OFPort, Error: problems[c.nic], Ready: r.ready(c.nic)}
			if n.Error == "" {
				n.Error = c.warn
			}
			nics = append(nics, n)
		}
		slices.SortFunc(nics, func(a, b store.HostNIC) int { return strings.Compare(a.ID, b.ID) })
		changed := !r.seen || !slices.Equal(nics, r.status.NICs)
		r.status.NICs, r.seen = nics, true
		return changed
	})
}
