package revoke

import (
	"maps"
	"slices"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/openflow/ofconn"
)

// At is a state of the flows, as the engine installed them, that is in force for a NIC or
// for the host. The zero At is none.
type At struct {
	Rev    int64  // whose flows are installed
	Mark   string // of the write that Rev is
	Update uint64 // see share.Update.Number
	Step   uint64 // of the engine
}

// Standing says how far a host is at one switch. A NIC is at a state if packets meet
// its flows and its connections have been judged by them. A sweep that takes long
// holds up the NICs whose connections it is about, and nobody else.
type Standing struct {
	Conn   *ofconn.Conn
	Whole  At            // every NIC is there, or further
	Latest At            // every NIC that is not behind is there
	Behind map[string]At // by NIC; never changed
}

// Of is how far a NIC is.
func (s *Standing) Of(nic string) At {
	if at, behind := s.Behind[nic]; behind {
		return at
	}
	return s.Latest
}

// Same reports whether two standings say the same of what is in force. Steps by which
// nothing changed are no difference.
func (s *Standing) Same(o *Standing) bool {
	same := func(a, b At) bool { return a.Rev == b.Rev && a.Mark == b.Mark && a.Update == b.Update }
	return s.Conn == o.Conn && same(s.Whole, o.Whole) && same(s.Latest, o.Latest) && maps.EqualFunc(s.Behind, o.Behind, same)
}

// ledger keeps the debts: what is still to be done until the latest state is in force.
type ledger struct {
	conn  *ofconn.Conn
	last  At      // what the jobs so far lead to
	debts []*debt // the oldest first
}

// debt is the work of one or more jobs that is not done. Until then the NICs that it
// is about are where they were before.
type debt struct {
	from        At
	all         bool                // it is about every NIC
	nics        map[string]struct{} // or these
	awaitsFlows bool                // packets may not meet its flows yet: no NIC is further than from
}

// begin takes up a job, and what its work is about.
func (l *ledger) begin(j Job, lost *Lost) *debt {
	if j.Conn != l.conn { // nothing is known of this switch
		l.conn, l.last = j.Conn, At{}
		for _, d := range l.debts {
			d.from = At{}
		}
	}
	back := j.Rev < l.last.Rev // the policy has another history: revisions of the two cannot be compared
	d := &debt{from: l.last, all: lost.All || back, awaitsFlows: true}
	if !d.all {
		for id := range lost.ids() {
			impact.Put(&d.nics, id)
		}
	}
	l.debts = append(l.debts, d)
	now := At{j.Rev, j.Mark, j.Update, j.Step}
	if j.Incomplete {
		now = l.last
		now.Step = j.Step
	}
	l.last = now
	return d
}

// inSwitch notes that packets meet the flows of the debts' jobs. If that was waited for,
// they also meet those of all earlier jobs; otherwise these jobs changed no flows.
func (l *ledger) inSwitch(debts []*debt, waited bool) {
	latest := -1
	for i, d := range l.debts {
		if slices.Contains(debts, d) {
			d.awaitsFlows = false
			latest = i
		}
	}
	for _, d := range l.debts[:latest+1] {
		d.awaitsFlows = d.awaitsFlows && !waited
	}
}

// done removes debts whose work is done.
func (l *ledger) done(debts []*debt) {
	l.debts = slices.DeleteFunc(l.debts, func(d *debt) bool { return slices.Contains(debts, d) })
}

// allButJudged notes that of the debts everything is done but to judge some connections:
// the NICs are ready as of that step.
func (l *ledger) allButJudged(debts []*debt, step uint64) {
	for _, d := range debts {
		d.from.Step = max(d.from.Step, step)
	}
}

// standing is how far the host is: each NIC is where it was before the oldest debt
// that is about it.
func (l *ledger) standing() Standing {
	s := Standing{Conn: l.conn, Whole: l.last, Latest: l.last}
	for i, d := range l.debts {
		if i == 0 {
			s.Whole = d.from
		}
		if d.all || d.awaitsFlows {
			s.Latest = d.from
			break
		}
		for id := range d.nics {
			if _, earlier := s.Behind[id]; !earlier {
				if s.Behind == nil {
					s.Behind = map[string]At{}
				}
				s.Behind[id] = d.from
			}
		}
	}
	return s
}

// mostDebts bounds the debts of one piece of work.
const mostDebts = 16

// combine merges debts into the oldest of them, if there are more than mostDebts.
func (l *ledger) combine(debts []*debt) []*debt {
	if len(debts) <= mostDebts {
		return debts
	}
	first := slices.IndexFunc(l.debts, func(d *debt) bool { return slices.Contains(debts, d) })
	one := l.debts[first]
	for _, d := range debts {
		one.all, one.awaitsFlows = one.all || d.all, one.awaitsFlows || d.awaitsFlows
		impact.Merge(&one.nics, d.nics)
	}
	l.done(slices.DeleteFunc(slices.Clone(debts), func(d *debt) bool { return d == one }))
	return []*debt{one}
}
