package look

import (
	"strconv"
	"strings"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Audit is "ringfence audit": who changed what, and when.
type Audit struct {
	session.ListFlags
	Platform bool   `help:"What was done to networks, the baseline and hosts, instead of an account (admin)."`
	Actor    string `placeholder:"NAME" help:"Only what the token of that name did."`
	Kind     string `placeholder:"KIND" help:"Only changes of such objects: security-group, rule, nic, …"`
	ID       string `name:"id" placeholder:"ID" help:"Only changes of this object."`
	Action   string `enum:",created,updated,deleted" default:"" placeholder:"ACTION" help:"Only what was created, updated or deleted."`
	Request  string `placeholder:"ID" help:"Only the request of that id."`
	Since    string `placeholder:"TIME" help:"Only since then: 2h, or 2026-11-28T10:00:00Z."`
	Until    string `placeholder:"TIME" help:"Only before then."`
	Last     int    `default:"50" placeholder:"N" help:"At most so many, the newest."`
}

func (Audit) Help() string {
	return `The newest first. What exactly was changed, and what that opened and closed, is in -o json.

Examples:
  ringfence audit --since 2h
  ringfence audit --kind security-group --id web --action deleted
  ringfence audit --platform --actor ops`
}

func (c *Audit) Run(s *session.Session, g *session.Flags) error {
	opts, err := c.filters(time.Now())
	if err != nil {
		return err
	}
	entries := s.API.PlatformAudit(s.Ctx, opts...)
	if !c.Platform {
		t, err := g.Tenant(s)
		if err != nil {
			return err
		}
		entries = s.API.Audit(s.Ctx, t.Account, opts...)
	}
	found := []client.AuditEntry{}
	for e, err := range entries {
		if err != nil {
			return err
		}
		if found = append(found, e); len(found) == c.Last {
			break
		}
	}
	if s.Out.Documents {
		return s.Out.Value(found)
	}
	rows := make([][]output.Cell, len(found))
	for i, e := range found {
		rows[i] = []output.Cell{
			output.Text(e.Time.UTC().Format(time.RFC3339)), output.Text(e.Actor.Name), output.Text(e.Actor.Address), output.Text(strconv.FormatInt(e.Revision, 10)),
			output.Text(changesText(e)), output.Text(e.RequestID),
		}
	}
	return s.Out.ListTable([]string{"TIME", "WHO", "FROM", "REVISION", "WHAT", "REQUEST"}, nil, rows)
}

// filters are what the API is asked for.
func (c *Audit) filters(now time.Time) ([]client.CallOption, error) {
	if c.Last < 1 {
		return nil, failure.Usage("--last " + strconv.Itoa(c.Last) + ": want at least 1")
	}
	opts := []client.CallOption{client.Limit(min(c.Last, 1000))}
	for _, f := range []struct{ name, value string }{
		{"actor", c.Actor}, {"kind", c.Kind}, {"id", c.ID}, {"action", c.Action}, {"request_id", c.Request},
	} {
		if f.value != "" {
			opts = append(opts, client.Query(f.name, f.value))
		}
	}
	for _, f := range []struct{ name, value string }{{"since", c.Since}, {"until", c.Until}} {
		if f.value == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, f.value)
		if ago, wrong := time.ParseDuration(f.value); err != nil && wrong == nil && ago >= 0 {
			at, err = now.Add(-ago), nil
		}
		if err != nil {
			return nil, failure.Usage("--" + f.name + " " + f.value + ": want a time as 2026-11-28T10:00:00Z, or how long ago as 2h")
		}
		opts = append(opts, client.Query(f.name, at.UTC().Format(time.RFC3339)))
	}
	return opts, nil
}

// changesText is what a request changed, in words: "created security-group web".
func changesText(e client.AuditEntry) string {
	parts := make([]string, 0, len(e.Changes)+1)
	for _, ch := range e.Changes {
		what := ch.Action + " " + ch.Kind + " " + ch.ID
		// Of a part of the object the request tells: "updated security-group web (POST /rules)".
		if _, part, found := strings.Cut(e.Path, "/"+ch.ID+"/"); found {
			what += " (" + e.Method + " /" + part + ")"
		}
		parts = append(parts, what)
	}
	if e.ChangesMore {
		parts = append(parts, "and more")
	}
	if len(parts) == 0 {
		return e.Method + " " + e.Path
	}
	return strings.Join(parts, ", ")
}
