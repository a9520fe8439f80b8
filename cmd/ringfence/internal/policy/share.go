package policy

import (
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

type groupShares struct {
	session.ListFlags
	Group string `arg:"" complete:"group" help:"The group's name or id."`
}

func (c groupShares) Run(t *session.Tenant) error {
	id, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	return session.ListAll(t.Session, &meta, t.API.Shares(t.Ctx, t.Account, id, client.Into(&meta)),
		[]string{"ACCOUNT", "USE", "ATTACHED NICS", "RULES"}, nil, func(s client.Share) []output.Cell {
			return []output.Cell{output.Text(s.Account), output.Text(strings.Join(s.Use, " ")), output.Text(strconv.Itoa(s.Attachments)), output.Text(strconv.Itoa(s.Rules))}
		})
}

type groupShared struct{ session.ListFlags }

func (groupShared) Help() string {
	return `The names in the first column are those by which this account attaches the groups and names them in rules.

Example:
  ringfence group shared -a bolt`
}

func (c groupShared) Run(t *session.Tenant) error {
	var meta client.Meta
	return session.ListAll(t.Session, &meta, t.API.SharedGroups(t.Ctx, t.Account, client.Into(&meta)),
		[]string{"GROUP", "NAME", "USE"}, nil, func(g client.SharedWithMe) []output.Cell {
			return []output.Cell{output.Text(g.ID), output.Text(g.Name), output.Text(strings.Join(g.Use, " "))}
		})
}

type groupShare struct {
	Group string   `arg:"" complete:"group" help:"The group's name or id."`
	With  string   `required:"" placeholder:"ACCOUNT" help:"The account that may use it."`
	Use   []string `enum:"attach,reference" default:"attach,reference" help:"attach (to its NICs), reference (in its rules)."`
}

func (groupShare) BodyFlags() failure.FlagNames {
	return failure.FlagNames{"/use": "--use", "/account": "--with"}
}

func (groupShare) Help() string {
	return `The other account names the group as OWNER/ID.

Example:
  ringfence group share db-clients --with bolt --use reference
  ringfence rule add db -a bolt --proto tcp --port 5432 --from-group acme/db-clients`
}

func (c groupShare) Run(t *session.Tenant) error {
	id, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	s, err := t.API.PutShare(t.Ctx, t.Account, id, c.With, c.Use, t.Mutation(&meta)...)
	if err != nil {
		return err
	}
	return t.Done(meta, "account %s may %s group %s as %s", c.With, strings.Join(s.Use, " and "), c.Group, client.SharedGroup(t.Account, id))
}

type groupUnshare struct {
	Group string `arg:"" complete:"group" help:"The group's name or id."`
	With  string `required:"" placeholder:"ACCOUNT" help:"The account that is to use it no more."`
}

func (c groupUnshare) Run(t *session.Tenant) error {
	id, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	if err := t.API.DeleteShare(t.Ctx, t.Account, id, c.With, t.Mutation(&meta)...); err != nil {
		return err
	}
	return t.Done(meta, "account %s may not use group %s any more", c.With, c.Group)
}
