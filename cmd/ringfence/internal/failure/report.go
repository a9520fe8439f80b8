package failure

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/client"
)

// The exit statuses.
const (
	ExitDone    = 0
	ExitFailed  = 1
	ExitUsage   = 2
	ExitLagging = 3
)

// FlagNames maps a pointer into a request's body to the flag that sets it.
type FlagNames map[string]string

// flagged is implemented by commands whose flags make up a request's body.
type flagged interface{ BodyFlags() FlagNames }

// FlagsOf finds the flags of the command that was run.
func FlagsOf(kctx *kong.Context) FlagNames {
	n := kctx.Selected()
	if n == nil || !n.Target.CanAddr() {
		return nil
	}
	if f, ok := n.Target.Addr().Interface().(flagged); ok {
		return f.BodyFlags()
	}
	return nil
}

// Report prints why a command failed and returns its exit status.
func Report(w io.Writer, err error, flags FlagNames) int {
	var (
		usage   Usage
		lagging *Lagging
		problem *client.Problem
		opErr   *net.OpError
	)
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(w, "ringfence: %v\n", usage)
		return ExitUsage
	case errors.Is(err, ErrNeeds): // it has been told
		return ExitLagging
	case errors.As(err, &lagging):
		fmt.Fprintf(w, "ringfence: %v\n", lagging)
		return ExitLagging
	case errors.As(err, &problem):
		reportProblem(w, problem, flags)
	case errors.As(err, &opErr) && opErr.Op == "dial":
		fmt.Fprintf(w, "ringfence: %v\nIs the API running there? --server or RINGFENCE_SERVER says where it is.\n", opErr)
	default:
		fmt.Fprintf(w, "ringfence: %v\n", err)
	}
	return ExitFailed
}

// reportProblem prints the API's refusal: the title, the detail, then one line
// for each fault, with the flag that set the faulty field.
func reportProblem(w io.Writer, p *client.Problem, flags FlagNames) {
	title := p.Title
	if title == "" {
		title = p.Code
	}
	fmt.Fprintf(w, "ringfence: %s (%d", title, p.Status)
	if p.Code != "" {
		fmt.Fprintf(w, " %s", p.Code)
	}
	fmt.Fprintln(w, ")")
	if p.Detail != "" && len(p.Errors) == 0 {
		fmt.Fprintf(w, "  %s\n", p.Detail)
	}
	reportFaults(w, p.Errors, flags)
	for _, d := range p.Dependents {
		fmt.Fprintf(w, "  used by %s\n", d)
	}
	if more := p.DependentsTotal - len(p.Dependents); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
	switch {
	case p.RetryAfter > 0:
		fmt.Fprintf(w, "  try again in %v\n", p.RetryAfter)
	case p.Status == http.StatusUnauthorized:
		fmt.Fprintln(w, "  --token-file, RINGFENCE_TOKEN or RINGFENCE_TOKEN_FILE gives the token")
	}
	if p.RequestID != "" && p.Status >= http.StatusInternalServerError {
		fmt.Fprintf(w, "  request id %s\n", p.RequestID)
	}
}

// reportFaults prints each fault with its pointer and the flag behind it. A
// flag that sets two fields (--port) is told of one fault once.
func reportFaults(w io.Writer, faults []client.Fault, flags FlagNames) {
	said := map[string]bool{}
	for _, f := range faults {
		where, detail := f.Pointer, f.Detail
		if detail == "" {
			detail = f.Code
		}
		if flag := flags[f.Pointer]; flag != "" {
			if said[flag+detail] {
				continue
			}
			said[flag+detail] = true
			where = flag + " (" + f.Pointer + ")"
		}
		if where == "" {
			where = "request"
		}
		fmt.Fprintf(w, "  %s: %s\n", where, detail)
	}
}
