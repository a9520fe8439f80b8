package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is an answer of the API that refuses a request: RFC 9457
// application/problem+json with the API's codes.
type Problem struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Code      string  `json:"code"` // e.g. "not-found", "group-in-use"
	Detail    string  `json:"detail"`
	Instance  string  `json:"instance"`
	RequestID string  `json:"request_id"`
	Errors    []Fault `json:"errors"` // every fault of the request

	Dependents      []Dependent `json:"dependents"` // what stands in the way, the first ones
	DependentsTotal int         `json:"dependents_total"`

	RetryAfter time.Duration   `json:"-"` // of 429 and 503; 0 = not said
	Raw        json.RawMessage `json:"-"`
}

// Fault is one thing wrong with a request.
type Fault struct {
	Pointer string `json:"pointer"` // RFC 6901, into the request's body, e.g. "/port_min"
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// Dependent is something that stands in the way of a change. What is set says
// what it is: a rule (Group and Rule), an attachment of a group (NIC or
// Instance) or another object.
type Dependent struct {
	Group    string `json:"group"`
	Rule     string `json:"rule"`
	NIC      string `json:"nic"`
	Instance string `json:"instance"`
	Network  string `json:"network"`
	Address  string `json:"address"`
	MAC      string `json:"mac"`
	Account  string `json:"account"` // whose, if another's
}

func (d Dependent) String() string {
	var parts []string
	for _, p := range [][2]string{
		{"rule", d.Rule}, {"group", d.Group}, {"NIC", d.NIC}, {"instance", d.Instance}, {"network", d.Network}, {"address", d.Address}, {"MAC", d.MAC}, {"account", d.Account},
	} {
		if p[1] != "" {
			parts = append(parts, p[0]+" "+p[1])
		}
	}
	return strings.Join(parts, ", ")
}

func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", p.Status, p.Code)
	if p.Detail != "" {
		fmt.Fprintf(&b, ": %s", p.Detail)
	} else if p.Title != "" {
		fmt.Fprintf(&b, ": %s", p.Title)
	}
	for _, f := range p.Errors {
		fmt.Fprintf(&b, "; %s %s: %s", f.Pointer, f.Code, f.Detail)
	}
	return b.String()
}

// HasCode reports whether err is a Problem with this code, as its own or as
// one of its faults'.
func HasCode(err error, code string) bool {
	var p *Problem
	if !errors.As(err, &p) {
		return false
	}
	if p.Code == code {
		return true
	}
	for _, f := range p.Errors {
		if f.Code == code {
			return true
		}
	}
	return false
}

// IsNotFound reports whether err says that the object does not exist, or is
// another account's.
func IsNotFound(err error) bool {
	var p *Problem
	return errors.As(err, &p) && p.Status == http.StatusNotFound
}

// TransportError is a request without an answer to understand: no connection,
// a timeout, or a body that is not the API's JSON.
type TransportError struct {
	Op  string // "GET /v1/hosts"
	Err error
}

func (e *TransportError) Error() string { return e.Op + ": " + e.Err.Error() }

func (e *TransportError) Unwrap() error { return e.Err }

// problemOf reads the problem of an answer whose status says failure. A body
// that is no problem document (a proxy's page, say) becomes a Problem of the
// bare status.
func problemOf(resp *http.Response, body []byte) *Problem {
	p := &Problem{}
	if err := json.Unmarshal(body, p); err != nil || p.Status == 0 {
		p = &Problem{Title: http.StatusText(resp.StatusCode), Detail: firstLine(body)}
	} else {
		p.Raw = body
	}
	p.Status = resp.StatusCode
	if secs, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && secs > 0 {
		p.RetryAfter = time.Duration(secs) * time.Second
	}
	return p
}

// firstLine returns the start of a foreign body, short enough for a message.
func firstLine(body []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	if len(line) > 200 {
		line = line[:200] + "…"
	}
	return line
}
