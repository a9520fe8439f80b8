package plan

import (
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/secgroup"
)

// Step is one mutation of several that are made together.
type Step struct {
	At   string // its place in the request, RFC 6901: "/operations/3"
	Plan func(p *secgroup.Snapshot) (Result, error)
}

// ErrNotTried is what a step returns that rests on one that was refused. It is
// no fault of its own.
var ErrNotTried = errors.New("rests on a step that was refused")

// Refusal is why one step of a sequence cannot be made.
type Refusal struct {
	At  string
	Err error
}

// Refusals are all steps of a sequence that cannot be made, in their order.
type Refusals []Refusal

func (r Refusals) Error() string {
	return fmt.Sprintf("%d steps are refused, the first at %s: %v", len(r), r[0].At, r[0].Err)
}

// Unwrap returns the causes.
func (r Refusals) Unwrap() []error {
	errs := make([]error, len(r))
	for i := range r {
		errs[i] = r[i].Err
	}
	return errs
}

// Sequence plans steps one after the other, each on the policy that those
// before it leave, as one mutation: the effects are those of all together, and
// the egress guard and the quotas look at the end alone. If a step is refused
// all are; the others are tried nevertheless, for all faults to be found.
//
// The steps' plans must be made with req.Step.
func Sequence(s *secgroup.Snapshot, req *Request, steps []Step) (Result, []Result, error) {
	d := begin(s, req)
	now := s // with the changes of the steps before
	var refused Refusals
	results := make([]Result, len(steps))
	for i, step := range steps {
		r, err := step.Plan(now)
		switch {
		case errors.Is(err, ErrNotTried):
			continue
		case err != nil:
			refused = append(refused, Refusal{step.At, err})
			continue
		}
		results[i] = r
		d.changes = append(d.changes, r.Changes...)
		for id := range r.Effects.Impact.NICs {
			d.static.AddNIC(id)
		}
		for g := range r.Effects.Impact.Groups {
			d.static.AddGroup(g)
		}
		if len(r.Changes) > 0 {
			now, _ = now.With(s.Revision(), r.Changes)
		}
	}
	if len(refused) > 0 {
		return Result{}, nil, refused
	}
	d.changes, d.largest = lastOfEach(s, d.changes), "/operations"
	r, err := d.finish(secgroup.Key{}, false)
	return r, results, err
}

// lastOfEach leaves the last change of each object, and none of an object that
// came and went.
func lastOfEach(s *secgroup.Snapshot, changes []secgroup.Change) []secgroup.Change {
	last := map[secgroup.Key]int{}
	for i, c := range changes {
		last[c.Key] = i
	}
	var out []secgroup.Change
	for i, c := range changes {
		if last[c.Key] == i && (c.Object != nil || s.Get(c.Key) != nil) {
			out = append(out, c)
		}
	}
	return out
}

// Step returns a request for one step of a sequence, with a condition and
// faults of its own.
func (r *Request) Step(c Condition, faults secgroup.Faults) *Request {
	step := *r
	step.Condition, step.Faults, step.step = c, faults, true
	return &step
}
