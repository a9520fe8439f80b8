package main

import (
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
)

type groupShares struct {
	listFlags
	Group string `arg:"" complete:"group" help:"The group's name or id."`
}

func (c groupShares) Run(t *tenant) error {
	id, err := t.groupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	shares, err := client.Collect(t.api.Shares(t.ctx, t.account, id, client.Into(&meta)))
	if err != nil {
		return err
	}
	rows := make([][]cell, len(shares))
	for i, s := range shares {
		rows[i] = []cell{text(s.Account), text(strings.Join(s.Use, " ")), text(strconv.Itoa(s.Attachments)), text(strconv.Itoa(s.Rules))}
	}
	return t.list(meta, []string{"ACCOUNT", "USE", "ATTACHED NICS", "RULES"}, nil, rows)
}

type groupShared struct{ listFlags }

func (groupShared) Help() string {
	return `The names in the first column are those by which this account attaches the groups and names them in rules.

Example:
  ringfence group shared -a bolt`
}

func (c groupShared) Run(t *tenant) error {
	var meta client.Meta
	groups, err := client.Collect(t.api.SharedGroups(t.ctx, t.account, client.Into(&meta)))
	if err != nil {
		return err
	}
	rows := make([][]cell, len(groups))
	for i, g := range groups {
		rows[i] = []cell{text(g.ID), text(g.Name), text(strings.Join(g.Use, " "))}
	}
	return t.list(meta, []string{"GROUP", "NAME", "USE"}, nil, rows)
}

type groupShare struct {
	Group string   `arg:"" complete:"group" help:"The group's name or id."`
	With  string   `required:"" placeholder:"ACCOUNT" help:"The account that may use it."`
	Use   []string `enum:"attach,reference" default:"attach,reference" help:"attach (to its NICs), reference (in its rules)."`
}

func (groupShare) bodyFlags() flagNames {
	return flagNames{"/use": "--use", "/account": "--with"}
}

func (groupShare) Help() string {
	return `The other account names the group as OWNER/ID.

Example:
  ringfence group share db-clients --with bolt --use reference
  ringfence rule add db -a bolt --proto tcp --port 5432 --from-group acme/db-clients`
}

func (c groupShare) Run(t *tenant) error {
	id, err := t.groupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	s, err := t.api.PutShare(t.ctx, t.account, id, c.With, c.Use, t.mutation(&meta)...)
	if err != nil {
		return err
	}
	return t.done(meta, "account %s may %s group %s as %s", c.With, strings.Join(s.Use, " and "), c.Group, client.SharedGroup(t.account, id))
}

type groupUnshare struct {
	Group string `arg:"" complete:"group" help:"The group's name or id."`
	With  string `required:"" placeholder:"ACCOUNT" help:"The account that is to use it no more."`
}

func (c groupUnshare) Run(t *tenant) error {
	id, err := t.groupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	if err := t.api.DeleteShare(t.ctx, t.account, id, c.With, t.mutation(&meta)...); err != nil {
		return err
	}
	return t.done(meta, "account %s may not use group %s any more", c.With, c.Group)
}
