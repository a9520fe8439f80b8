package main

import (
	"github.com/ringfence/ringfence/client"
)

type membersCmd struct {
	listFlags
	Group string `arg:"" complete:"group" help:"The group's name or id."`
}

func (c membersCmd) Run(t *tenant) error {
	id, err := t.groupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	members, err := client.Collect(t.api.Members(t.ctx, t.account, id, client.Into(&meta)))
	if err != nil {
		return err
	}
	rows := make([][]cell, 0, len(members))
	for _, m := range members {
		rows = append(rows, []cell{text(m.RoutingDomain), text(m.Address), text(m.NIC)})
	}
	return t.list(meta, []string{"ROUTING DOMAIN", "ADDRESS", "NIC"}, nil, rows)
}

type referencesCmd struct {
	Group string `arg:"" complete:"group" help:"The group's name or id."`
}

func (referencesCmd) Help() string { return "What keeps a group from being deleted." }

func (c referencesCmd) Run(t *tenant) error {
	id, err := t.groupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	refs, err := t.api.References(t.ctx, t.account, id, client.Into(&meta))
	if err != nil {
		return err
	}
	if t.out.documents {
		return t.show(meta)
	}
	rows := [][]cell{}
	for _, a := range refs.Attachments {
		rows = append(rows, []cell{text("attached to"), text(attachmentText(a))})
	}
	for _, r := range refs.Rules {
		rows = append(rows, []cell{text("named by rule"), text(r.Rule + " of group " + t.groupName(r.Group))})
	}
	if len(rows) == 0 {
		t.out.line("nothing uses group %s", c.Group)
		return nil
	}
	return t.list(meta, []string{"USE", "BY"}, nil, rows)
}

type effectiveRulesCmd struct {
	listFlags
	NIC string `arg:"" name:"nic" complete:"nic" help:"The NIC."`
}

func (c effectiveRulesCmd) Run(t *tenant) error {
	var meta client.Meta
	rules, err := client.Collect(t.api.EffectiveRules(t.ctx, t.account, c.NIC, client.Into(&meta)))
	if err != nil {
		return err
	}
	if t.out.documents {
		return t.show(meta)
	}
	rows := make([][]cell, 0, len(rules))
	for _, r := range rules {
		own := t.ruleRows([]client.Rule{r.Rule})[0]
		rows = append(rows, append([]cell{text(t.groupName(r.Group)), text(r.Via)}, own...))
	}
	return t.list(meta, append([]string{"GROUP", "VIA"}, ruleHeader...), ruleWide, rows)
}
