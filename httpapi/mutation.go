package httpapi

import (
	"net/http"

	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// mutation is a change of the policy as it is asked for: what an input was decoded
// to. A request makes one, a transaction several.
type mutation struct {
	// plan makes the plan. It may run several times, on newer snapshots.
	plan func(s plan.Policy, req *plan.Request) (plan.Result, error)
	// show makes the answer's body, an object, of what the plan is about, and
	// its tag. It returns nil if the object is not in the view any more. A
	// mutation without it is a deletion.
	show func(now after) (body any, tag string)
	// faults are those of decoding.
	faults secgroup.Faults
	// location is the path of what the plan made, for POST; nil otherwise.
	location func(r plan.Result) string
}

// after is the policy as a mutation leaves it, and what the plan came to.
type after struct {
	view   *plan.View
	result plan.Result
	hosts  []store.HostStatus // all, for where NICs are plugged
}

// outcome is a mutation that was made, or could be: the answer to it, but for how
// far the hosts are.
type outcome struct {
	status   int // 204 has no body
	rev      int64
	location string
	tag      string
	body     []byte // without effects
	effects  *effect.Effects
	need     realization.Need
}

// outcome says how a mutation is answered that came to a result; not with what body.
func (m *mutation) outcome(r plan.Result) outcome {
	out := outcome{status: http.StatusOK}
	switch {
	case m.show == nil:
		out.status = http.StatusNoContent
	case r.Created:
		out.status = http.StatusCreated
	}
	if m.location != nil {
		out.location = m.location(r)
	}
	return out
}
