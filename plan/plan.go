// Package plan turns requests into changes: each mutation of the API is a pure
// function of a snapshot and a request. It gives the changes to commit and what
// they will do (Effects), or says why not: secgroup.Faults (422), *Conflict
// (409), ErrNotFound (404) or ErrPrecondition (412). It does no I/O; time and
// ids are given in.
package plan

import (
	"slices"
	"strconv"
	"time"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
)

// Request is what every mutation is given besides its own arguments.
type Request struct {
	Now               time.Time
	NewID             func() string // ids of what the server names
	Condition         Condition     // If-Match and If-None-Match
	ConfirmEgressOpen bool          // the caller knows that the change may open egress
	Caller            string        // the account for which it may confirm that; "" = all
	CreateAccount     bool          // the caller may make an account by writing into it
	Faults            secgroup.Faults
	// Faults were found while the request was decoded. They are reported
	// together with those that only the snapshot shows.

	step bool // of a sequence, which looks at the effects at its end
}

// Result is a mutation that can be committed.
type Result struct {
	Changes []secgroup.Change // none: the policy already is as asked for
	Effects Effects
	After   *secgroup.Snapshot // the policy with the changes, at the revision of the one without; nil if there are none, and of steps
	Created bool               // the object that was asked for is new
	Key     secgroup.Key       // of the object the request is about; its group for a rule
	Rule    string             // the rule the request is about, if it is about one
}

// Condition makes a mutation depend on the current state of its target. Tags
// are compared with the target's tag: its revision in decimal, or ListTag of
// an attachment list.
type Condition struct {
	IfMatch     []string // "*" matches whatever exists; empty: no condition
	IfNoneMatch []string
}

// check applies the condition to a target, whose tag is "" if it is absent.
func (c Condition) check(tag string) error {
	matches := func(tags []string) bool {
		return tag != "" && (slices.Contains(tags, "*") || slices.Contains(tags, tag))
	}
	if len(c.IfMatch) > 0 && !matches(c.IfMatch) || matches(c.IfNoneMatch) {
		return ErrPrecondition
	}
	return nil
}

// Tag is the tag of an object at a revision.
func Tag(revision int64) string { return strconv.FormatInt(revision, 10) }

// tagged is what a request can be about that has a revision; nil: it is not there.
type tagged interface {
	*secgroup.Account | *secgroup.Network | *secgroup.Instance | *secgroup.NIC | *secgroup.Group | *secgroup.Rule
}

// tagOf is the tag of an object as a Condition looks at it.
func tagOf[T tagged](o T) string {
	if o == nil {
		return ""
	}
	if r, ok := any(o).(*secgroup.Rule); ok { // it is part of its group
		return Tag(r.Revision)
	}
	return Tag(secgroup.RevisionOf(any(o).(secgroup.Object)))
}

// draft is a plan in the making.
type draft struct {
	req     *Request
	s       *secgroup.Snapshot
	changes []secgroup.Change
	faults  secgroup.Faults
	static  impact.Impact // whom the request is about, should it change nothing
	largest string        // pointer to what makes the change large, if it is
}

func begin(s *secgroup.Snapshot, req *Request) *draft {
	return &draft{req: req, s: s, faults: slices.Clone(req.Faults)}
}

// beginPut begins the plan of a request that makes an object or replaces old, if the
// request's condition on old holds.
func beginPut[T tagged](s *secgroup.Snapshot, req *Request, old T) (*draft, error) {
	return begin(s, req), req.Condition.check(tagOf(old))
}

// beginChange is beginPut for a request that needs the object to be there.
func beginChange[T tagged](s *secgroup.Snapshot, req *Request, old T) (*draft, error) {
	if old == nil {
		return nil, ErrNotFound
	}
	return beginPut(s, req, old)
}

func (d *draft) put(o secgroup.Object)   { d.changes = append(d.changes, secgroup.Put(o)) }
func (d *draft) delete(key secgroup.Key) { d.changes = append(d.changes, secgroup.Delete(key)) }

// maxFaults bounds the faults that one request is told of.
const maxFaults = 500

// fault adds a fault unless its place already has one: the first one found
// there is the one to mend.
func (d *draft) fault(pointer, code, detail string) {
	if len(d.faults) < maxFaults && !slices.ContainsFunc(d.faults, func(f secgroup.Fault) bool { return f.Pointer == pointer }) {
		d.faults = append(d.faults, secgroup.Fault{Pointer: pointer, Code: code, Detail: detail})
	}
}

// add adds faults of a part of the request, which is at a pointer.
func (d *draft) add(at string, faults secgroup.Faults) {
	for _, f := range faults {
		d.fault(at+f.Pointer, f.Code, f.Detail)
	}
}

// err returns the faults found, or nil.
func (d *draft) err() error {
	if len(d.faults) == 0 {
		return nil
	}
	return d.faults
}

// finish applies the quotas, works out the effects and applies the egress guard.
func (d *draft) finish(key secgroup.Key, created bool) (Result, error) {
	if err := d.err(); err != nil {
		return Result{}, err
	}
	r := Result{Changes: d.changes, Created: created, Key: key}
	if len(d.changes) == 0 || d.req.step {
		r.Effects.Impact = d.static
		return r, nil
	}
	d.fits()
	if err := d.err(); err != nil {
		return Result{}, err
	}
	r.After, _ = d.s.With(d.s.Revision(), d.changes)
	if err := quotas(d.s, r.After, d.changes); err != nil {
		return Result{}, err
	}
	r.Effects = effectsOf(d.s, r.After, d.changes)
	if err := d.guardEgress(r.Effects.EgressBecameOpen); err != nil {
		return Result{}, err
	}
	return r, nil
}

// guardEgress refuses to open the egress of NICs whose account asked for that,
// unless the caller confirms it: of its own account's.
func (d *draft) guardEgress(opened []string) error {
	var deps []Dependent
	for _, id := range opened {
		n := d.s.NIC(id)
		if n == nil || d.req.ConfirmEgressOpen && (d.req.Caller == "" || d.req.Caller == n.Account) {
			continue
		}
		if a := d.s.Account(n.Account); a != nil && a.EgressOpenGuard == secgroup.GuardBlock {
			deps = append(deps, Dependent{NIC: id, Account: n.Account})
		}
	}
	if len(deps) == 0 {
		return nil
	}
	return &Conflict{CodeWouldOpenEgress,
		"the change would open the egress of NICs that is restricted now; confirm=open-egress does it all the same", deps}
}
