package look

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Matrix is "ringfence matrix": who may talk to whom, rule by rule.
type Matrix struct {
	session.ListFlags
	Network string `complete:"network" placeholder:"ID" help:"Only NICs in this network."`
	Group   string `complete:"group" placeholder:"GROUP" help:"Only what has this group at an end."`
}

func (Matrix) Help() string {
	return `Each line is what a rule opens at its own group's end. OTHER END says what the NICs of the group at the other end do with it,
judged by all groups that they have.

Example:
  ringfence matrix --group db`
}

func (c Matrix) Run(t *session.Tenant) error {
	var meta client.Meta
	opts := []client.CallOption{client.Into(&meta)}
	if c.Network != "" {
		opts = append(opts, client.Query("network", c.Network))
	}
	if c.Group != "" {
		id, err := t.GroupID(c.Group)
		if err != nil {
			return err
		}
		opts = append(opts, client.Query("group", id))
	}
	m, err := t.API.Matrix(t.Ctx, t.Account, opts...)
	if err != nil {
		return err
	}
	if t.Out.Documents {
		return t.Show(meta)
	}
	names := map[string]string{}
	for _, g := range m.Groups {
		names[g.ID] = g.Name
	}
	rows := make([][]output.Cell, 0, len(m.Entries))
	for _, e := range m.Entries {
		rule := client.Rule{Family: e.Family, Protocol: e.Protocol, PortMin: e.PortMin, PortMax: e.PortMax, ICMPType: e.ICMPType, ICMPCode: e.ICMPCode}
		rows = append(rows, []output.Cell{
			output.Text(matrixEnd(e.From, names)), output.Text(matrixEnd(e.To, names)), output.Text(e.Family), output.Text(rule.Protocol), output.Text(session.Ports(rule)),
			output.Text(e.Direction), output.Text(e.Rule), otherEnd(e),
		})
	}
	if err := t.List(meta, []string{"FROM", "TO", "FAMILY", "PROTOCOL", "PORTS", "OPENS", "RULE", "OTHER END"}, nil, rows); err != nil {
		return err
	}
	if m.Truncated {
		t.Out.Line("… and more: ask with --network or --group")
	}
	return nil
}

func matrixEnd(e client.MatrixEnd, names map[string]string) string {
	group := cmp.Or(names[e.Group], e.Group)
	switch {
	case e.Group == "" && e.CIDR == "":
		return "anything"
	case e.Group == "":
		return e.CIDR
	case e.CIDR == "":
		return group
	}
	return group + " in " + e.CIDR
}

// otherEnd says in a few words what the other end does.
func otherEnd(e client.MatrixEntry) output.Cell {
	o := e.OtherEnd
	if o == nil {
		return output.Text("-")
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{o.Allowed, "allow"}, {o.Partly, "in part"}, {o.Blocked, "block"}, {o.Apart, "apart"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	c := output.Text(cmp.Or(strings.Join(parts, ", "), "no NIC"))
	switch {
	case o.Blocked > 0:
		c.Style = output.Red
	case o.Partly > 0:
		c.Style = output.Yellow
	}
	return c
}
