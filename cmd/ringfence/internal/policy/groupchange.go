package policy

import (
	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

type groupCreate struct {
	Name         string            `arg:"" help:"The group's name, unique in the account."`
	ID           string            `name:"id" help:"An id of your own; else the server makes one."`
	Description  *string           `help:"What the group is for."`
	Tag          map[string]string `placeholder:"KEY=VALUE" help:"A tag. Repeatable."`
	EgressPolicy string            `enum:"auto,listed,open," default:"" placeholder:"POLICY" help:"auto (restricts once it has an egress rule), listed or open."`
	Network      []string          `complete:"network" placeholder:"ID" help:"Act in this network only. Repeatable."`
	DefaultRules bool              `negatable:"" default:"true" help:"Make the two default rules: all from and to the group itself."`
}

func (groupCreate) Help() string {
	return `Examples:
  ringfence group create web --description "public web servers"
  ringfence group create db --egress-policy listed --no-default-rules --tag tier=data`
}

func (groupCreate) BodyFlags() failure.FlagNames { return groupFlags("NAME") }

// groupFlags maps the fields of a group to flags; name is what sets its name.
func groupFlags(name string) failure.FlagNames {
	return failure.FlagNames{
		"/name": name, "/description": "--description", "/tags": "--tag", "/egress_policy": "--egress-policy",
		"/networks": "--network", "/networks/0": "--network", "/network_scope": "--network-scope",
	}
}

func (c groupCreate) Run(t *session.Tenant) error {
	spec := client.GroupSpec{
		Name: c.Name, Description: deref(c.Description), Tags: c.Tag, EgressPolicy: c.EgressPolicy, Networks: c.Network,
	}
	if len(c.Network) > 0 {
		spec.NetworkScope = "listed"
	}
	if !c.DefaultRules {
		spec.DefaultRules = &c.DefaultRules
	}
	var (
		meta client.Meta
		g    client.Group
		err  error
	)
	if c.ID != "" {
		g, err = t.API.PutGroup(t.Ctx, t.Account, c.ID, spec, t.Mutation(&meta, client.CreateOnly())...)
	} else {
		g, err = t.API.CreateGroup(t.Ctx, t.Account, spec, t.Mutation(&meta)...)
	}
	if err != nil {
		return err
	}
	return t.Saved(meta, "group %s, id %s", g.Name, g.ID)
}

type groupUpdate struct {
	Group        string            `arg:"" complete:"group" help:"The group's name or id."`
	Name         *string           `help:"A new name."`
	Description  *string           `help:"A new description."`
	Tag          map[string]string `placeholder:"KEY=VALUE" help:"Set a tag; KEY= takes it away. Repeatable."`
	EgressPolicy string            `enum:"auto,listed,open," default:"" placeholder:"POLICY" help:"auto, listed or open."`
	NetworkScope string            `enum:"any,listed," default:"" placeholder:"SCOPE" help:"any, or listed: only the networks added with add-network."`
}

func (groupUpdate) BodyFlags() failure.FlagNames { return groupFlags("--name") }

func (c groupUpdate) Run(t *session.Tenant) error {
	patch := map[string]any{}
	if c.Name != nil {
		patch["name"] = *c.Name
	}
	if c.Description != nil {
		patch["description"] = *c.Description
	}
	if len(c.Tag) > 0 {
		changes := map[string]any{}
		for k, v := range c.Tag {
			if changes[k] = v; v == "" {
				changes[k] = nil // JSON Merge Patch: remove
			}
		}
		patch["tags"] = changes
	}
	if c.EgressPolicy != "" {
		patch["egress_policy"] = c.EgressPolicy
	}
	if c.NetworkScope != "" {
		patch["network_scope"] = c.NetworkScope
	}
	if len(patch) == 0 {
		return failure.Usage("group update: give at least one flag to change something")
	}
	id, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	g, err := t.API.PatchGroup(t.Ctx, t.Account, id, patch, t.Mutation(&meta)...)
	if err != nil {
		return err
	}
	return t.Saved(meta, "group %s", g.Name)
}

type groupDelete struct {
	Group   string   `arg:"" complete:"group" help:"The group's name or id."`
	Cascade []string `enum:"attachments,references" help:"Also remove what uses it: attachments, references (rules of the account that name it)."`
}

func (groupDelete) Help() string {
	return `A group that is attached or named by rules is not deleted, unless --cascade says what may go with it.
'ringfence references GROUP' lists what uses it.

Example:
  ringfence group delete web --cascade attachments,references --wait 10s`
}

func (c groupDelete) Run(t *session.Tenant) error {
	id, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	if err := t.API.DeleteGroup(t.Ctx, t.Account, id, t.Mutation(&meta, client.Cascade(c.Cascade...))...); err != nil {
		return err
	}
	return t.Done(meta, "deleted group %s", c.Group)
}

type groupAddNetwork struct {
	Group   string `arg:"" complete:"group" help:"The group's name or id."`
	Network string `arg:"" complete:"network" help:"The network."`
}

func (c groupAddNetwork) Run(t *session.Tenant) error {
	id, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	if err := t.API.AddGroupNetwork(t.Ctx, t.Account, id, c.Network, t.Mutation(&meta)...); err != nil {
		return err
	}
	return t.Done(meta, "group %[2]s acts in network %[1]s", c.Network, c.Group)
}

type groupRemoveNetwork struct {
	Group   string `arg:"" complete:"group" help:"The group's name or id."`
	Network string `arg:"" complete:"network" help:"The network."`
}

func (c groupRemoveNetwork) Run(t *session.Tenant) error {
	id, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	if err := t.API.RemoveGroupNetwork(t.Ctx, t.Account, id, c.Network, t.Mutation(&meta)...); err != nil {
		return err
	}
	return t.Done(meta, "group %[2]s no longer acts in network %[1]s", c.Network, c.Group)
}
