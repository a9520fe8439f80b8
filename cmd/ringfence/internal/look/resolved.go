package look

import (
	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Members is "ringfence members": addresses that a group stands for in rules.
type Members struct {
	session.ListFlags
	Group string `arg:"" complete:"group" help:"The group's name or id."`
}

func (c Members) Run(t *session.Tenant) error {
	id, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	return session.ListAll(t.Session, &meta, t.API.Members(t.Ctx, t.Account, id, client.Into(&meta)),
		[]string{"ROUTING DOMAIN", "ADDRESS", "NIC"}, nil, func(m client.Member) []output.Cell {
			return []output.Cell{output.Text(m.RoutingDomain), output.Text(m.Address), output.Text(m.NIC)}
		})
}

// References is "ringfence references": rules and attachments that use a group.
type References struct {
	Group string `arg:"" complete:"group" help:"The group's name or id."`
}

func (References) Help() string { return "What keeps a group from being deleted." }

func (c References) Run(t *session.Tenant) error {
	id, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	refs, err := t.API.References(t.Ctx, t.Account, id, client.Into(&meta))
	if err != nil {
		return err
	}
	if t.Out.Documents {
		return t.Show(meta)
	}
	rows := [][]output.Cell{}
	for _, a := range refs.Attachments {
		rows = append(rows, []output.Cell{output.Text("attached to"), output.Text(session.AttachmentText(a))})
	}
	for _, r := range refs.Rules {
		rows = append(rows, []output.Cell{output.Text("named by rule"), output.Text(r.Rule + " of group " + t.GroupName(r.Group))})
	}
	if len(rows) == 0 {
		t.Out.Line("nothing uses group %s", c.Group)
		return nil
	}
	return t.List(meta, []string{"USE", "BY"}, nil, rows)
}

// EffectiveRules is "ringfence effective-rules": every rule that judges a NIC.
type EffectiveRules struct {
	session.ListFlags
	NIC string `arg:"" name:"nic" complete:"nic" help:"The NIC."`
}

func (c EffectiveRules) Run(t *session.Tenant) error {
	var meta client.Meta
	return session.ListAll(t.Session, &meta, t.API.EffectiveRules(t.Ctx, t.Account, c.NIC, client.Into(&meta)),
		append([]string{"GROUP", "VIA"}, session.RuleHeader...), session.RuleWide, func(r client.EffectiveRule) []output.Cell {
			own := t.RuleRows([]client.Rule{r.Rule})[0]
			return append([]output.Cell{output.Text(t.GroupName(r.Group)), output.Text(r.Via)}, own...)
		})
}
