package change

import (
	"net/http"

	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Mutation is a change of the policy as it is asked for: what an input was decoded
// to. A request makes one, a transaction several.
type Mutation struct {
	// Plan makes the plan. It may run several times, on newer snapshots.
	Plan func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error)
	// Show makes the answer's body, an object, of what the plan is about, and
	// its tag. It returns nil if the object is not in the policy any more. A
	// mutation without it is a deletion.
	Show func(now After) (body any, tag string)
	// Faults are those of decoding.
	Faults secgroup.Faults
	// Location is the path of what the plan made, for POST; nil otherwise.
	Location func(r plan.Result) string
}

// After is the policy as a mutation leaves it, and what the plan came to.
type After struct {
	Policy *secgroup.Snapshot
	Result plan.Result
	Places func(nic string) []store.Place // where NICs are plugged
}

// Outcome is a mutation that was made, or could be: the answer to it, but for how
// far the hosts are.
type Outcome struct {
	Status   int // 204 has no body
	Rev      int64
	Location string
	Tag      string
	Body     []byte // without effects
	Effects  *effect.Effects
	Need     realization.Need
}

// Outcome says how a mutation is answered that came to a result; not with what body.
func (m *Mutation) Outcome(r plan.Result) Outcome {
	out := Outcome{Status: http.StatusOK}
	switch {
	case m.Show == nil:
		out.Status = http.StatusNoContent
	case r.Created:
		out.Status = http.StatusCreated
	}
	if m.Location != nil {
		out.Location = m.Location(r)
	}
	return out
}

// Decode makes a mutation of an input.
type Decode func(*transport.Input) (Mutation, error)
