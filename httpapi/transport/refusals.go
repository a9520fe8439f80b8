package transport

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// Placed are faults whose pointers are those of the whole request.
type Placed struct{ secgroup.Faults }

// refusalsProblem tells of every operation of a transaction that is refused,
// and of every fault in each. If there are faults of values or of the form, the
// whole is answered as such; else as the first refused operation would be alone.
func refusalsProblem(refusals plan.Refusals) (p *Problem, public bool) {
	var all secgroup.Faults
	var first *Problem
	public = true
	faulty := false
	for _, r := range refusals {
		if ours, ok := errors.AsType[Placed](r.Err); ok {
			all, faulty = append(all, ours.Faults...), true
			continue
		}
		one, known := ProblemOf(r.Err)
		public = public && known
		if first == nil {
			first = one
		}
		if len(one.Errors) == 0 {
			all = append(all, secgroup.Fault{Pointer: r.At, Code: one.Code, Detail: one.Detail})
			continue
		}
		faulty = true
		for _, f := range one.Errors {
			all = append(all, secgroup.Fault{Pointer: r.At + "/body" + f.Pointer, Code: f.Code, Detail: f.Detail})
		}
	}
	if len(all) > strictjson.MaxFaults {
		all = all[:strictjson.MaxFaults]
	}
	if faulty {
		p = faultsProblem(all)
	} else {
		p = Refuse(first.Status, first.Code, first.Detail)
		p.Dependents, p.DependentsTotal = first.Dependents, first.DependentsTotal
		for _, f := range all {
			p.Errors = append(p.Errors, fault(f))
		}
	}
	if p.Status < http.StatusInternalServerError && len(refusals) > 1 {
		p.Detail = fmt.Sprintf("%d operations are refused; errors lists why", len(refusals))
	}
	return p, public
}
