package session

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// Mutation returns the options of a request that changes something.
func (s *Session) Mutation(meta *client.Meta, more ...client.CallOption) []client.CallOption {
	opts := append([]client.CallOption{client.Into(meta)}, more...)
	if s.Wait > 0 {
		opts = append(opts, client.Wait(s.Wait))
	}
	if s.Dry {
		opts = append(opts, client.DryRun())
	}
	if s.open {
		opts = append(opts, client.ConfirmOpenEgress())
	}
	return opts
}

// Saved reports that an object was made or changed: "created group web".
func (s *Session) Saved(meta client.Meta, format string, args ...any) error {
	verb := "saved"
	switch {
	case meta.Status == http.StatusCreated:
		verb = "created"
	case meta.DryRun:
		verb = "would save"
	}
	return s.Done(meta, "%s %s", verb, fmt.Sprintf(format, args...))
}

// Done prints a sentence that says what a mutation did, its revision and whom
// it concerns, or the API's JSON. It returns a Lagging if hosts did not
// apply the change in time.
func (s *Session) Done(meta client.Meta, format string, args ...any) error {
	if s.Out.Documents {
		if err := s.Out.Raw(meta.Raw); err != nil && meta.DryRun {
			return err
		} else if err != nil {
			return fmt.Errorf("the change is made (revision %d), but cannot be shown: %w", meta.Revision, err)
		}
	} else {
		what := fmt.Sprintf(format, args...)
		if meta.DryRun {
			what = "dry run, nothing is changed: " + what
		}
		s.Out.Line("%s%s", what, s.aside(meta))
		s.warn(meta.Effects)
		s.access(meta)
	}
	return lagging(meta)
}

// lagging returns a Lagging if a mutation's answer says that hosts have
// not applied it.
func lagging(meta client.Meta) error {
	if r := meta.Realization; r != nil && len(r.Lagging) > 0 {
		return &failure.Lagging{Revision: meta.Revision, Hosts: r.Lagging}
	}
	return nil
}

// aside says in parentheses at which revision a change is, and where in force.
func (s *Session) aside(meta client.Meta) string {
	parts := []string{}
	if meta.Revision > 0 {
		parts = append(parts, fmt.Sprintf("revision %d", meta.Revision))
	}
	if meta.Waited && lagging(meta) == nil {
		parts = append(parts, "applied")
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + s.Out.Paint(output.Dim, "("+strings.Join(parts, ", ")+")")
}

// warn tells of effects that are easily overlooked.
func (s *Session) warn(e *client.Effects) {
	if e == nil {
		return
	}
	for _, w := range []struct {
		ids  []string
		what string
	}{
		{e.EgressBecameRestricted, "egress is now restricted to what rules allow, for NIC"},
		{e.EgressBecameOpen, "egress is now open, for NIC"},
		{e.InertRules, "can match nothing at present: rule"},
	} {
		if len(w.ids) > 0 {
			s.Out.Line("%s", s.Out.Paint(output.Yellow, "  note: "+w.what+" "+shorten(w.ids, 5)))
		}
	}
}

// shorten joins ids, at most n of them.
func shorten(ids []string, n int) string {
	if len(ids) <= n {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:n], ", "), len(ids)-n)
}
