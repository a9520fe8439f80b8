package store

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/membership"
)

// update is one call of Update.
type update struct {
	plan    func(*secgroup.Snapshot) ([]secgroup.Change, error)
	options updateOptions
	began   time.Time

	latest      bool // the cache has all that was written before it began
	alone       bool // it is not made together with others
	lost, stuck int  // attempts whose request got lost, and that failed while the policy stood still

	answered bool  // rev and err are what Update returns
	rev      int64 // until then: what they would be if the policy that it was planned on is the latest
	err      error
	panicked any
}

// answer ends an update: it is not tried again.
func (u *update) answer(rev int64, err error) { u.answered, u.rev, u.err = true, rev, err }

// letStand makes what planning updates came to their answers.
func letStand(all []*update) {
	for _, u := range all {
		u.answered = true
	}
}

// markLatest notes that the cache has a write that was made after updates began: what comes to
// nothing then need not wait for a moment in which nobody writes.
func markLatest(all []*update) {
	for _, u := range all {
		u.latest = true
	}
}

// unanswered are the updates that are to be tried again.
func unanswered(lists ...[]*update) []*update {
	return slices.DeleteFunc(slices.Concat(lists...), func(u *update) bool { return u.answered })
}

// together is one transaction of several updates. They are planned one after the
// other, each on the policy that those before it leave, so that what comes of them
// is what would come of one after the other. As the policy has one revision for all
// of them, two things are left for the next transaction:
//
//   - an update of an object that is changed already: every state of an object has a
//     revision of its own, which conditions, events and the audit log tell it by;
//
//   - an update that comes to nothing, or is refused, because of others that are not
//     made yet: it may have been told by a revision that an object will not have.
//
//     base ──► planned on base ──► planned on that ──► … ──► one transaction ──► base + all
//     └──► comes to nothing: judged by base
type together struct {
	base    *state
	draft   *draft    // nil: nothing is to be written
	members []*update // it makes these
	judged  []*update // these come to nothing on base, and have their answers, if base is the latest policy
	doubted []*update // these came to nothing beside members that are not made yet, and are planned anew first
	later   []*update // the others
}

// unanswered are those of its updates that are to be tried again, in the order in which they are
// planned then.
func (t *together) unanswered() []*update {
	return unanswered(t.doubted, t.judged, t.members, t.later)
}

// maxTogether bounds the updates of a transaction, and so how long the first of them waits
// until the last is planned.
const maxTogether = 64

// gather plans updates together. The error is membership.ErrUnknown, or none. A panic of
// ours over what callers gave ends none but the caller who gave it: the first of them is
// planned without the others then.
func (s *Store) gather(base *state, all []*update) (t *together, err error) {
	defer func() {
		r := recover()
		switch {
		case r == nil:
		case len(all) == 1:
			all[0].panicked = panicOf(r)
			t, err = &together{base: base}, nil
		default:
			t, err = s.gather(base, all[:1])
			if err == nil {
				t.later = append(t.later, all[1:]...)
			}
		}
	}()
	t = &together{base: base}
	now := base.snap
	written := map[any]struct{}{} // keys of objects, and names of notes
	var parts []part
	var last []secgroup.Change // that now does not have yet
	for i, u := range all {
		if len(last) > 0 {
			now, _ = now.With(now.Revision(), last)
			last = nil
		}
		p, writes := u.run(base, now)
		first := len(parts) == 0
		switch {
		case u.panicked != nil, !writes && first && u.latest: // its caller is told
			continue
		case !writes && first:
			t.judged = append(t.judged, u)
			continue
		case !writes:
			t.doubted = append(t.doubted, u)
			continue
		case !first && (p.alone || p.overlaps(written)):
			t.later = append(t.later, u)
			continue
		}
		t.members, parts = append(t.members, u), append(parts, p)
		if p.alone || len(parts) == maxTogether {
			t.later = append(t.later, all[i+1:]...)
			break
		}
		p.addTo(written)
		last = p.changes
	}
	return t, s.draw(t, parts)
}

// part is what one update has written.
type part struct {
	changes []secgroup.Change
	notes   []NoteWrite
	alone   bool
}

// run plans an update on a policy that is base, or base with those before it. It says whether
// there is anything to write; if not, the update has its answer.
func (u *update) run(base *state, now *secgroup.Snapshot) (p part, writes bool) {
	defer func() {
		if r := recover(); r != nil {
			u.panicked, writes = panicOf(r), false
		}
	}()
	u.rev = now.Revision()
	if p.changes, u.err = u.plan(now); u.err == nil {
		p.notes, u.err = u.options.collect(now, p.changes)
	}
	if u.err == nil {
		u.err = base.refuse(p.changes)
	}
	if u.err != nil {
		return part{}, false
	}
	p.changes = slices.DeleteFunc(slices.Clone(p.changes), func(c secgroup.Change) bool { return c.Object == nil && now.Get(c.Key) == nil })
	p.alone = u.alone || len(p.changes) == 0 // a revision at which no object changes tells of something, too
	return p, len(p.changes) > 0 || slices.ContainsFunc(p.notes, func(n NoteWrite) bool { return n.Always })
}

// panicOf is what a caller panics with whose plan, or what came of it, did.
func panicOf(r any) string { return fmt.Sprintf("%v\n\n%s", r, debug.Stack()) }

// overlaps reports whether it writes what is written already.
func (p part) overlaps(written map[any]struct{}) bool {
	for _, c := range p.changes {
		if _, is := written[c.Key]; is {
			return true
		}
	}
	for _, n := range p.notes {
		if _, is := written[n.Name]; is {
			return true
		}
	}
	return false
}

// addTo adds what it writes.
func (p part) addTo(written map[any]struct{}) {
	for _, c := range p.changes {
		written[c.Key] = struct{}{}
	}
	for _, n := range p.notes {
		written[n.Name] = struct{}{}
	}
}

// draw makes the transaction of as many of the members as fit into one that is not large. What
// one member has alone is as large as it is.
func (s *Store) draw(t *together, parts []part) (err error) {
	for len(parts) > 0 {
		var changes []secgroup.Change
		var notes []NoteWrite
		for _, p := range parts {
			changes, notes = append(changes, p.changes...), append(notes, p.notes...)
		}
		t.draft, err = s.draft(t.base, changes, notes)
		switch {
		case err == nil && (len(parts) == 1 || t.draft.isSmall(s.link.Config.MaxTxnOps, s.link.Config.MaxRequestBytes)):
			return nil
		case len(parts) == 1 && errors.Is(err, membership.ErrUnknown):
			return err
		case len(parts) == 1:
			t.members[0].err = err
			t.judged, t.members = append(t.judged, t.members[0]), nil
			return nil
		}
		half := len(parts) / 2
		t.later = append(slices.Clone(t.members[half:]), t.later...)
		t.members, parts = t.members[:half], parts[:half]
	}
	return nil
}

// draft plans a transaction of changes of a policy.
func (s *Store) draft(base *state, changes []secgroup.Change, notes []NoteWrite) (*draft, error) {
	d, err := newDraft(s.link.Keys, base.snap, changes, base.rests, notes)
	if err != nil {
		return nil, &OpError{Op: "update", Err: err}
	}
	d.restOn(s.link.Keys, base.epoch, base.head)
	if err := s.permit(d); err != nil {
		return nil, err // a draft that is there is made
	}
	return d, nil
}
