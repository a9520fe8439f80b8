package transport

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// ProblemOf turns any error into the problem to answer. public is false if the
// error's text is for the log alone.
func ProblemOf(err error) (p *Problem, public bool) {
	var (
		malformed strictjson.Malformed
		faults    secgroup.Faults
		conflict  *plan.Conflict
		tooLarge  *http.MaxBytesError
		refusals  plan.Refusals
	)
	switch {
	case errors.As(err, &refusals): // first: it unwraps to others
		return refusalsProblem(refusals)
	case errors.As(err, &p):
		return p, true
	case errors.As(err, &malformed):
		return Refuse(http.StatusBadRequest, strictjson.CodeMalformed, string(malformed)), true
	case errors.As(err, &faults):
		return faultsProblem(faults), true
	case errors.As(err, &conflict):
		p = Refuse(http.StatusConflict, conflict.Code, conflict.Detail)
		p.DependentsTotal = len(conflict.Dependents)
		p.Dependents = conflict.Dependents[:min(len(conflict.Dependents), maxDependents)]
		return p, true
	case errors.Is(err, plan.ErrNotFound):
		return NotFound(), true
	case errors.Is(err, plan.ErrPrecondition):
		return Refuse(http.StatusPreconditionFailed, codeETagMismatch, err.Error()), true
	case errors.As(err, &tooLarge):
		return Refuse(http.StatusRequestEntityTooLarge, CodeBodyTooLarge, "a request body is at most 2 MiB"), true
	case errors.Is(err, store.ErrTooLarge):
		return Refuse(http.StatusRequestEntityTooLarge, CodeBodyTooLarge,
			"the change does not fit in one transaction of the store; make it in smaller steps"), true
	case errors.Is(err, store.ErrUnreadable):
		return Refuse(http.StatusConflict, codeUnreadable, unreadableDetail(err)), true
	case errors.Is(err, store.ErrLevel):
		return Refuse(http.StatusConflict, codeClusterLevel, levelDetail(err)), true
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed), store.EtcdSays(err) != "":
		return storeProblem(err), true
	}
	return Refuse(http.StatusInternalServerError, codeInternal, "an internal error; the log has it under the request id"), false
}

// storeProblem tells what is wrong with the store, in etcd's own words if it has
// said anything.
func storeProblem(err error) *Problem {
	code, detail := codeStoreUnavailable, "the store cannot be reached; nothing was written"
	says := store.EtcdSays(err)
	switch {
	case errors.Is(err, store.ErrOutcomeUnknown):
		detail = "the store was lost during the write; whether it was made is not known yet"
	case errors.Is(err, store.ErrFull):
		code, detail = codeStoreFull, "the store is full and takes no writes; nothing was written"
	case errors.Is(err, store.ErrNoLeader):
		code, detail = codeStoreNoLeader, "the store has no leader: a majority of its members is away; nothing was written"
	case says != "":
		detail = "the store refuses; nothing was written"
	}
	if says != "" {
		detail += " (" + says + ")"
	}
	return Refuse(http.StatusServiceUnavailable, code, detail).With("Retry-After", "2")
}

// unreadableDetail says why an object is not read or written. Where its record is in
// the store is for the platform, which sees it in /v1/cluster.
func unreadableDetail(err error) string {
	if record, ok := errors.AsType[*store.RecordError](err); ok {
		return fmt.Sprintf("this version cannot read the object's record: %v; it is not written, and enforced no wider than before", record.Err)
	}
	return "this version cannot read the object's record, and does not write it"
}

// levelDetail says how many members a change waits for. Which they are is for
// the platform, which sees them in /v1/cluster.
func levelDetail(err error) string {
	var level *store.LevelError
	if !errors.As(err, &level) {
		return "not every host and API of the cluster understands this yet"
	}
	if len(level.Holdouts) == 0 && level.Pin != nil {
		return fmt.Sprintf("it needs level %d and the cluster is held at %d: the platform releases it once nobody is to be rolled back any more", level.Needs, level.Pin.Level)
	}
	if len(level.Holdouts) == 0 && level.Adopted {
		return fmt.Sprintf("it needs level %d and the cluster is at %d, which is about to rise: try again", level.Needs, level.Level)
	}
	if len(level.Holdouts) == 0 {
		return fmt.Sprintf("it needs level %d and the cluster is at %d: nobody has said yet that all older APIs are gone", level.Needs, level.Level)
	}
	return fmt.Sprintf("it needs level %d and the cluster is at %d: %d hosts or APIs do not understand it yet", level.Needs, level.Level, len(level.Holdouts))
}

// faultCodes are the codes of faults that are a problem's code too; any other
// fault is an "invalid-value". Faults of the form come first: with them, what
// the body says is not sure.
var faultCodes = map[string]int{
	strictjson.CodeMalformed:         http.StatusBadRequest,
	strictjson.CodeUnknownField:      http.StatusBadRequest,
	secgroup.CodePortNotAllowed:      http.StatusUnprocessableEntity,
	secgroup.CodeFamilyMismatch:      http.StatusUnprocessableEntity,
	secgroup.CodeRemoteGroupNotFound: http.StatusUnprocessableEntity,
	secgroup.CodeInvalidValue:        http.StatusUnprocessableEntity,
}

func faultsProblem(faults secgroup.Faults) *Problem {
	p := Refuse(http.StatusUnprocessableEntity, "", "")
	for _, f := range faults {
		p.Errors = append(p.Errors, fault(f))
		code := f.Code
		if faultCodes[code] == 0 {
			code = secgroup.CodeInvalidValue
		}
		switch {
		case faultCodes[code] == http.StatusBadRequest:
			if p.Status != http.StatusBadRequest || code == strictjson.CodeMalformed {
				p.Status, p.Code = http.StatusBadRequest, code
			}
		case p.Status == http.StatusBadRequest:
		case p.Code == "":
			p.Code = code
		case p.Code != code:
			p.Code = secgroup.CodeInvalidValue
		}
	}
	p.Detail = faults[0].Detail
	if n := len(faults); n > 1 {
		p.Detail = "several things are wrong with the request; errors lists them"
	}
	return p
}
