package look

import (
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Events is "ringfence events": what happens to an account, as it happens.
type Events struct {
	Follow bool  `short:"f" help:"Go on until interrupted, over restarts of the API."`
	Since  int64 `placeholder:"REVISION" help:"Begin after this revision; else with what happens from now on."`
}

func (Events) Help() string {
	return `A line for each change of the account's objects, and for each alarm. What exactly was changed is in -o json, a document for
each revision. Events are kept for an hour, unless etcd is told otherwise; who made a change, and what was before: ringfence audit.

Examples:
  ringfence events --follow
  ringfence events --since 8812 -o json`
}

func (c Events) Run(t *session.Tenant) error {
	switch {
	case c.Since < 0:
		return failure.Usage(fmt.Sprintf("--since %d: want a revision, as changes and lists tell it", c.Since))
	case c.Follow:
		for e, err := range t.API.Watch(t.Ctx, t.Account, c.Since) {
			if err != nil {
				return err
			}
			if err := printEvent(t, e); err != nil {
				return err
			}
		}
		return nil // interrupted: that is how it ends
	case c.Since == 0:
		return failure.Usage("give --follow for what happens from now on, or --since REVISION for what has happened since; 'ringfence audit' has what was before")
	}
	for since := c.Since; ; {
		events, next, err := t.API.Events(t.Ctx, t.Account, since, 0)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := printEvent(t, e); err != nil {
				return err
			}
		}
		if len(events) == 0 || next == since {
			return nil
		}
		since = next
	}
}

// printEvent prints what one revision did.
func printEvent(t *session.Tenant, e client.Event) error {
	if t.Out.Documents {
		return t.Out.Value(e)
	}
	for _, ch := range e.Changes {
		style := map[string]output.Style{"created": output.Green, "deleted": output.Red}[ch.Action]
		t.Out.Line("%d  %s %s %s", e.Revision, t.Out.Paint(style, ch.Action), ch.Kind, ch.ID)
	}
	for _, a := range e.Alarms {
		t.Out.Line("%d  %s", e.Revision, t.Out.Paint(output.Yellow, "alarm "+a.Kind+": "+alarmText(a)))
	}
	return nil
}

// alarmText says what an alarm is about.
func alarmText(a client.Alarm) string {
	if len(a.Conflicts) == 0 {
		return a.Summary
	}
	parts := make([]string, len(a.Conflicts))
	for i, c := range a.Conflicts {
		parts[i] = "NIC " + c.NIC
		if c.Detail != "" {
			parts[i] += " " + c.Detail
		}
		if len(c.Hosts) > 0 {
			parts[i] += " (at " + strings.Join(c.Hosts, ", ") + ")"
		}
	}
	return strings.Join(parts, "; ")
}
