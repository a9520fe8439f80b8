package transport

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// The problem codes of docs/api.md that are not secgroup's or plan's, and those of
// what HTTP itself refuses.
const (
	CodeBadCursor         = "bad-cursor"
	codeBadParameter      = "bad-parameter"
	CodeUnauthenticated   = "unauthenticated"
	CodeForbidden         = "forbidden"
	codeNotFound          = "not-found"
	CodeMethodNotAllowed  = "method-not-allowed"
	CodeCompacted         = "revision-compacted"
	codeETagMismatch      = "etag-mismatch"
	CodeBodyTooLarge      = "body-too-large"
	CodeMediaType         = "unsupported-media-type"
	codeStoreUnavailable  = "store-unavailable"
	codeStoreFull         = "store-full"
	codeStoreNoLeader     = "store-no-leader"
	CodeIssuerUnavailable = "issuer-unavailable"
	codeUnreadable        = "record-unreadable"
	codeClusterLevel      = "cluster-level"
	codeInternal          = "internal-error"
	CodeKeyReuse          = "idempotency-key-reuse"
	codeRateLimited       = "rate-limited"
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

// Refuse makes a problem of a status and a code.
func Refuse(status int, code, detail string) *Problem {
	return &Problem{Status: status, Code: code, Detail: detail}
}

// With gives the answer a header.
func (p *Problem) With(header, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(header, value)
	return p
}

// NotFound is the one answer for what does not exist and for what the caller
// may not know of.
func NotFound() *Problem { return Refuse(http.StatusNotFound, codeNotFound, "no such object") }

// BadParameter refuses a query parameter or header.
func BadParameter(detail string) *Problem {
	return Refuse(http.StatusBadRequest, codeBadParameter, detail)
}

// Write answers with the problem.
func (p *Problem) Write(w http.ResponseWriter, path, requestID string) {
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
	CodeBadCursor:                    "The cursor is not one of this list",
	codeBadParameter:                 "A query parameter is not as it must be",
	CodeUnauthenticated:              "A valid bearer token is needed",
	CodeForbidden:                    "The token's role does not allow this",
	codeNotFound:                     "There is no such object",
	CodeMethodNotAllowed:             "The resource does not have this method",
	CodeCompacted:                    "The revision is too old to be read",
	codeETagMismatch:                 "The object is in another state",
	CodeBodyTooLarge:                 "The request is too large",
	CodeMediaType:                    "The body's media type is not understood",
	codeStoreUnavailable:             "The store is unavailable",
	codeStoreFull:                    "The store is full",
	codeStoreNoLeader:                "The store has no leader",
	CodeIssuerUnavailable:            "The issuer of the token cannot be asked",
	codeUnreadable:                   "The object's record cannot be read by this version",
	codeClusterLevel:                 "Not every host and API of the cluster understands this yet",
	codeInternal:                     "Internal error",
	CodeKeyReuse:                     "The idempotency key belongs to another request",
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
