package main

import (
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/client"
)

type eventsCmd struct {
	Follow bool  `short:"f" help:"Go on until interrupted, over restarts of the API."`
	Since  int64 `placeholder:"REVISION" help:"Begin after this revision; else with what happens from now on."`
}

func (eventsCmd) Help() string {
	return `A line for each change of the account's objects, and for each alarm. What exactly was changed is in -o json, a document for
each revision. Events are kept for an hour, unless etcd is told otherwise; who made a change, and what was before: ringfence audit.

Examples:
  ringfence events --follow
  ringfence events --since 8812 -o json`
}

func (c eventsCmd) Run(t *tenant) error {
	switch {
	case c.Since < 0:
		return usageError(fmt.Sprintf("--since %d: want a revision, as changes and lists tell it", c.Since))
	case c.Follow:
		for e, err := range t.api.Watch(t.ctx, t.account, c.Since) {
			if err != nil {
				return err
			}
			if err := printEvent(t, e); err != nil {
				return err
			}
		}
		return nil // interrupted: that is how it ends
	case c.Since == 0:
		return usageError("give --follow for what happens from now on, or --since REVISION for what has happened since; 'ringfence audit' has what was before")
	}
	for since := c.Since; ; {
		events, next, err := t.api.Events(t.ctx, t.account, since, 0)
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
func printEvent(t *tenant, e client.Event) error {
	if t.out.documents {
		return t.out.value(e)
	}
	for _, ch := range e.Changes {
		style := map[string]style{"created": green, "deleted": red}[ch.Action]
		t.out.line("%d  %s %s %s", e.Revision, t.out.paint(style, ch.Action), ch.Kind, ch.ID)
	}
	for _, a := range e.Alarms {
		t.out.line("%d  %s", e.Revision, t.out.paint(yellow, "alarm "+a.Kind+": "+alarmText(a)))
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
