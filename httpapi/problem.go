package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// The problem codes of docs/api.md that are not secgroup's or plan's, and those of
// what HTTP itself refuses.
const (
	codeBadCursor        = "bad-cursor"
	codeBadParameter     = "bad-parameter"
	codeUnauthenticated  = "unauthenticated"
	codeForbidden        = "forbidden"
	codeNotFound         = "not-found"
	codeMethodNotAllowed = "method-not-allowed"
	codeCompacted        = "revision-compacted"
	codeETagMismatch     = "etag-mismatch"
	codeBodyTooLarge     = "body-too-large"
	codeMediaType        = "unsupported-media-type"
	codeStoreUnavailable = "store-unavailable"
	codeStoreFull        = "store-full"
	codeStoreNoLeader    = "store-no-leader"
	codeUnreadable       = "record-unreadable"
	codeClusterLevel     = "cluster-level"
	codeInternal         = "internal-error"
	codeKeyReuse         = "idempotency-key-reuse"
	codeRateLimited      = "rate-limited"
)

// maxDependents bounds the dependents listed in one problem.
const maxDependents = 100

// Problem is a refusal: RFC 9457 with the API's own members.
type Problem struct {
	Type       string           `json:"type"`
	Title      string           `json:"title"`
	Status     int              `json:"status"`
	Code       string           `json:"code"`
	Detail     string           `json:"detail"`
	Instance   string           `json:"instance"`
	RequestID  string           `json:"request_id"`
	Errors     []fault          `json:"errors,omitempty"`
	Dependents []plan.Dependent `json:"dependents,omitempty"`
	// DependentsTotal counts those that stand in the way, listed or not.
	DependentsTotal int `json:"dependents_total,omitempty"`

	header http.Header
}

type fault struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

func problem(status int, code, detail string) *Problem {
	return &Problem{Status: status, Code: code, Detail: detail}
}

func (p *Problem) with(header, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(header, value)
	return p
}

// notFound is the one answer for what does not exist and for what the caller
// may not know of.
func notFound() *Problem { return problem(http.StatusNotFound, codeNotFound, "no such object") }

func badParameter(detail string) *Problem {
	return problem(http.StatusBadRequest, codeBadParameter, detail)
}

// problemOf turns any error into the problem to answer. public is false if the
// error's text is for the log alone.
func problemOf(err error) (p *Problem, public bool) {
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
		return problem(http.StatusBadRequest, strictjson.CodeMalformed, string(malformed)), true
	case errors.As(err, &faults):
		return faultsProblem(faults), true
	case errors.As(err, &conflict):
		p = problem(http.StatusConflict, conflict.Code, conflict.Detail)
		p.DependentsTotal = len(conflict.Dependents)
		p.Dependents = conflict.Dependents[:min(len(conflict.Dependents), maxDependents)]
		return p, true
	case errors.Is(err, plan.ErrNotFound):
		return notFound(), true
	case errors.Is(err, plan.ErrPrecondition):
		return problem(http.StatusPreconditionFailed, codeETagMismatch, err.Error()), true
	case errors.As(err, &tooLarge):
		return problem(http.StatusRequestEntityTooLarge, codeBodyTooLarge, "a request body is at most 2 MiB"), true
	case errors.Is(err, store.ErrTooLarge):
		return problem(http.StatusRequestEntityTooLarge, codeBodyTooLarge,
			"the change does not fit in one transaction of the store; make it in smaller steps"), true
	case errors.Is(err, store.ErrUnreadable):
		return problem(http.StatusConflict, codeUnreadable, unreadableDetail(err)), true
	case errors.Is(err, store.ErrLevel):
		return problem(http.StatusConflict, codeClusterLevel, levelDetail(err)), true
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed), store.EtcdSays(err) != "":
		return storeProblem(err), true
	}
	return problem(http.StatusInternalServerError, codeInternal, "an internal error; the log has it under the request id"), false
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
	return problem(http.StatusServiceUnavailable, code, detail).with("Retry-After", "2")
}

// unreadableDetail says why an object is not written. Where its record is in
// the store is for the platform, which sees it in /v1/cluster.
func unreadableDetail(err error) string {
	var record *store.RecordError
	if errors.As(err, &record) {
		return fmt.Sprintf("the object's record is not written, since this version cannot read it: %v; it is enforced no wider than before", record.Err)
	}
	return "the object's record is not written, since this version cannot read it"
}

// levelDetail says how many members a change waits for. Which they are is for
// the platform, which sees them in /v1/cluster.
func levelDetail(err error) string {
	var level *store.LevelError
	if !errors.As(err, &level) {
		return "not every host and API of the cluster understands this yet"
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
	p := problem(http.StatusUnprocessableEntity, "", "")
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

// write answers with the problem.
func (p *Problem) write(w http.ResponseWriter, path, requestID string) {
	out := *p
	out.Type = "urn:ringfence:problem:" + p.Code
	out.Title = cmp.Or(titles[p.Code], http.StatusText(p.Status))
	out.Instance, out.RequestID = path, requestID
	for name, values := range p.header {
		w.Header()[name] = slices.Clone(values)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	body, _ := json.Marshal(out) // strings and numbers only
	_, _ = w.Write(append(body, '\n'))
}

// titles are the same for every occurrence of a code (RFC 9457, section 3.1.3).
var titles = map[string]string{
	strictjson.CodeMalformed:         "The body is not JSON as it must be",
	strictjson.CodeUnknownField:      "The body has a field that is not known here",
	codeBadCursor:                    "The cursor is not one of this list",
	codeBadParameter:                 "A query parameter is not as it must be",
	codeUnauthenticated:              "A valid bearer token is needed",
	codeForbidden:                    "The token's role does not allow this",
	codeNotFound:                     "There is no such object",
	codeMethodNotAllowed:             "The resource does not have this method",
	codeCompacted:                    "The revision is too old to be read",
	codeETagMismatch:                 "The object is in another state",
	codeBodyTooLarge:                 "The request is too large",
	codeMediaType:                    "The body's media type is not understood",
	codeStoreUnavailable:             "The store is unavailable",
	codeStoreFull:                    "The store is full",
	codeStoreNoLeader:                "The store has no leader",
	codeUnreadable:                   "The object's record cannot be read by this version",
	codeClusterLevel:                 "Not every host and API of the cluster understands this yet",
	codeInternal:                     "Internal error",
	codeKeyReuse:                     "The idempotency key belongs to another request",
	codeRateLimited:                  "Too many requests",
	plan.CodeNameTaken:               "The name is taken",
	plan.CodeGroupInUse:              "The security group is in use",
	plan.CodeGroupReferenced:         "The security group is referenced by rules",
	plan.CodeDefaultGroup:            "Not possible with the default group",
	plan.CodeNetworkInUse:            "The network is in use",
	plan.CodePrefixOverlap:           "Prefixes overlap in the routing domain",
	plan.CodeMACInUse:                "The MAC is in use in the segment",
	plan.CodeVLANInUse:               "The VLAN is in use by another routing domain",
	plan.CodeAddressInUse:            "The address is in use in the routing domain",
	plan.CodeWouldOpenEgress:         "The change would open egress",
	plan.CodeInstanceInUse:           "The instance is in use",
	plan.CodeQuotaExceeded:           "The account's quota is used up",
	secgroup.CodeInvalidValue:        "A value is not valid",
	secgroup.CodePortNotAllowed:      "The protocol has no ports",
	secgroup.CodeFamilyMismatch:      "The address family does not match",
	secgroup.CodeRemoteGroupNotFound: "The remote group does not exist",
}
