package policy

import (
	"sort"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Group is "ringfence group": security groups.
type Group struct {
	List          groupList          `cmd:"" aliases:"ls" help:"List the account's groups."`
	Show          groupShow          `cmd:"" aliases:"get,describe" help:"Show a group with its rules."`
	Create        groupCreate        `cmd:"" aliases:"add" help:"Make a group."`
	Update        groupUpdate        `cmd:"" aliases:"set" help:"Change a group's properties."`
	Delete        groupDelete        `cmd:"" aliases:"rm,remove" help:"Delete a group."`
	AddNetwork    groupAddNetwork    `cmd:"" help:"Add a network to a group's scope."`
	RemoveNetwork groupRemoveNetwork `cmd:"" help:"Take a network out of a group's scope."`
	Share         groupShare         `cmd:"" help:"Let another account use a group."`
	Unshare       groupUnshare       `cmd:"" help:"End that another account may use a group."`
	Shares        groupShares        `cmd:"" help:"List the accounts that a group is shared with."`
	Shared        groupShared        `cmd:"" help:"List the groups of other accounts that this one may use."`
}

type groupList struct {
	session.ListFlags
	Name       string `help:"Only the group of this name."`
	NamePrefix string `placeholder:"TEXT" help:"Only groups whose names begin so."`
	Tag        string `placeholder:"KEY=VALUE" help:"Only groups with this tag."`
	Network    string `complete:"network" placeholder:"ID" help:"Only groups that act in this network."`
	NIC        string `name:"nic" complete:"nic" placeholder:"ID" help:"Only groups attached to this NIC."`
	Instance   string `complete:"instance" placeholder:"ID" help:"Only groups attached to this instance."`
}

func (c groupList) Run(t *session.Tenant) error {
	var meta client.Meta
	return session.ListAll(t.Session, &meta, t.API.Groups(t.Ctx, t.Account, client.Into(&meta),
		client.Query("name", c.Name), client.Query("name_prefix", c.NamePrefix), client.Query("tag", c.Tag),
		client.Query("network", c.Network), client.Query("nic", c.NIC), client.Query("instance", c.Instance)),
		[]string{"NAME", "ID", "RULES", "EGRESS", "NETWORKS", "TAGS", "DESCRIPTION"}, append([]string{"SHARED WITH"}, output.WideTimes...), func(g client.Group) []output.Cell {
			name := output.Text(g.Name)
			if g.IsDefault {
				name = output.Styled(g.Name, output.Bold)
			}
			return []output.Cell{
				name, output.Text(g.ID), output.Text(strconv.Itoa(len(g.Rules))), egressCell(g), output.Text(scope(g)), output.Text(tags(g.Tags)), output.Text(g.Description),
				output.Text(sharedWith(g)), output.TimeCell(g.CreatedAt), output.TimeCell(g.UpdatedAt), output.RevisionCell(g.Revision),
			}
		})
}

func egressCell(g client.Group) output.Cell {
	if g.EgressRestricts {
		return output.Styled(g.EgressPolicy+": listed only", output.Yellow)
	}
	return output.Text(g.EgressPolicy + ": open")
}

// scope shows in which networks a group acts.
func scope(g client.Group) string {
	if g.NetworkScope != "listed" {
		return "any"
	}
	if len(g.Networks) == 0 {
		return "none"
	}
	return strings.Join(g.Networks, " ")
}

// sharedWith names the accounts that may use a group.
func sharedWith(g client.Group) string {
	accounts := make([]string, len(g.Shares))
	for i, s := range g.Shares {
		accounts[i] = s.Account
	}
	return strings.Join(accounts, " ")
}

func tags(m map[string]string) string {
	parts := make([]string, 0, len(m))
	for k, v := range m {
		parts = append(parts, k+"="+v)
	}
	sort.Strings(parts)
	return strings.Join(parts, " ")
}

type groupShow struct {
	Group string `arg:"" complete:"group" help:"The group's name or id."`
}

func (c groupShow) Run(t *session.Tenant) error {
	g, err := t.Group(c.Group)
	if err != nil {
		return err
	}
	if t.Out.Documents {
		var meta client.Meta
		_, err := t.API.Group(t.Ctx, t.Account, g.ID, client.Into(&meta))
		if err != nil {
			return err
		}
		return t.Show(meta)
	}
	isDefault := ""
	if g.IsDefault {
		isDefault = "yes: it judges NICs without a group"
	}
	t.Out.Properties(
		[2]string{"name", g.Name},
		[2]string{"id", g.ID},
		[2]string{"description", g.Description},
		[2]string{"tags", tags(g.Tags)},
		[2]string{"default", isDefault},
		[2]string{"egress", t.Out.Paint(egressCell(g).Style, egressCell(g).Text)},
		[2]string{"networks", scope(g)},
		[2]string{"revision", strconv.FormatInt(g.Revision, 10)})
	if len(g.Rules) > 0 {
		t.Out.Line("")
		t.Out.Table(session.RuleHeader, t.RuleRows(g.Rules))
	}
	return nil
}
