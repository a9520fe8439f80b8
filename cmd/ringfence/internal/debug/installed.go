package debug

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
	"github.com/ringfence/ringfence/ofrules"
)

// Flows is "ringfence flows": the installed flows of an account's NICs.
type Flows struct {
	session.ListFlags
	NIC   string `name:"nic" complete:"nic" placeholder:"NIC" help:"Only flows of this NIC and of the groups that judge it."`
	Group string `complete:"group" placeholder:"GROUP" help:"Only flows of this group's rules."`
	Rule  string `placeholder:"RULE" help:"Only flows of this rule."`
	Ofctl bool   `help:"Print them as ovs-ofctl dump-flows --no-stats does, one a line."`
	Limit string `default:"1000" placeholder:"N" help:"At most so many a host. Default 1000."`
}

func (Flows) Help() string {
	return `The flows that are installed for the account's NICs, with their counters, as the switches have them now.
What a cookie stands for: ringfence explain-cookie 0x….`
}

func (c Flows) Run(t *session.Tenant) error {
	filter := client.FlowFilter{NIC: c.NIC, Rule: c.Rule, Limit: c.Limit}
	if c.Group != "" {
		var err error
		if filter.Group, err = t.GroupID(c.Group); err != nil {
			return err
		}
	}
	var meta client.Meta
	flows, err := t.API.Flows(t.Ctx, t.Account, filter, client.Into(&meta))
	if err != nil {
		return err
	}
	if t.Out.Documents {
		return t.Show(meta)
	}
	if c.Ofctl {
		for _, f := range flows.Items {
			t.Out.Line("%s", f.Ofctl)
		}
		return hostAnswers(t.Out, flows.Hosts)
	}
	rows := make([][]output.Cell, 0, len(flows.Items))
	for _, f := range flows.Items {
		rows = append(rows, []output.Cell{
			output.Text(f.Host), output.Text(fmt.Sprintf("%d %s", f.Table, f.TableName)), output.Text(strconv.Itoa(f.Priority)), output.Text(f.Cookie), output.Text(flowFor(t, f)),
			output.Text(strconv.FormatUint(f.Packets, 10)), output.Text(strconv.FormatUint(f.Bytes, 10)), output.Text(f.Match), output.Text(f.Actions),
		})
	}
	if err := t.Out.ListTable([]string{"HOST", "TABLE", "PRIORITY", "COOKIE", "FOR", "PACKETS", "BYTES", "MATCH", "ACTIONS"}, nil, rows); err != nil {
		return err
	}
	return hostAnswers(t.Out, flows.Hosts)
}

// flowFor says what a flow is for.
func flowFor(t *session.Tenant, f client.Flow) string {
	switch {
	case len(f.Rules) == 1:
		return fmt.Sprintf("%s %s/%s", f.Kind, t.GroupName(f.Rules[0].Group), f.Rules[0].Rule)
	case len(f.Rules) > 1:
		return fmt.Sprintf("%s of %d rules", f.Kind, len(f.Rules))
	case f.NIC != "":
		return f.Kind + " " + f.NIC
	}
	return f.Kind
}

// hostAnswers tells about hosts whose part is missing.
func hostAnswers(p *output.Printer, hosts []client.HostAnswer) error {
	for _, h := range hosts {
		if h.Truncated {
			p.Line("%s", p.Paint(output.Yellow, "host "+h.Host+" has more than it was asked for"))
		}
	}
	if s := silence(hosts); s != "" {
		return errors.New(s)
	}
	return nil
}

// silence tells of hosts that say nothing, "" if all do.
func silence(hosts []client.HostAnswer) string {
	var silent []string
	for _, h := range hosts {
		if h.Error != "" {
			silent = append(silent, h.Error)
		}
	}
	if len(silent) == 0 {
		return ""
	}
	return "the list is not complete: " + strings.Join(silent, "; ")
}

// Connections is "ringfence connections": the open connections of an account's NICs.
type Connections struct {
	session.ListFlags
	NIC   string `name:"nic" complete:"nic" placeholder:"NIC" help:"Only connections of this NIC."`
	Limit string `default:"1000" placeholder:"N" help:"At most so many a host. Default 1000."`
}

func (Connections) Help() string {
	return "The open connections of the account's NICs, with the rules that admitted them."
}

func (c Connections) Run(t *session.Tenant) error {
	var meta client.Meta
	conns, err := t.API.Connections(t.Ctx, t.Account, c.NIC, c.Limit, client.Into(&meta))
	if err != nil {
		return err
	}
	if t.Out.Documents {
		return t.Show(meta)
	}
	rows := make([][]output.Cell, 0, len(conns.Items))
	for _, k := range conns.Items {
		by := k.Reason
		if k.Rule != "" {
			by = t.GroupName(k.Group) + "/" + k.Rule
		}
		rows = append(rows, []output.Cell{
			output.Text(k.Host), output.Text(k.NIC), output.Text(k.Direction), output.Text(session.PacketText(k.TracePacket)), output.Text(strconv.Itoa(k.SourcePort)),
			output.Text(k.State), output.Text(fmt.Sprintf("%d s", k.ExpiresIn)), numberIfKnown(k.Age, "%.0f s"), numberIfKnown(k.Bytes, "%d"), output.Text(by),
		})
	}
	if err := t.Out.ListTable([]string{"HOST", "NIC", "DIRECTION", "CONNECTION", "FROM PORT", "STATE", "EXPIRES", "AGE", "BYTES", "ADMITTED BY"}, nil, rows); err != nil {
		return err
	}
	return hostAnswers(t.Out, conns.Hosts)
}

// numberIfKnown shows a number that may be missing.
func numberIfKnown[N uint64 | float64](n *N, format string) output.Cell {
	if n == nil {
		return output.Cell{}
	}
	return output.Text(fmt.Sprintf(format, *n))
}

// ExplainCookie is "ringfence explain-cookie": what the flow with a cookie is for.
type ExplainCookie struct {
	Cookie string `arg:"" help:"A flow's cookie, 0x…."`
}

func (ExplainCookie) Help() string {
	return `Says what a flow of Ringfence is for. With an account, the rule or NIC that it stands for is looked up among the
installed flows of that account.`
}

func (c ExplainCookie) Run(s *session.Session, g *session.Flags) error {
	number, err := strconv.ParseUint(c.Cookie, 0, 64)
	if err != nil {
		return failure.Usage(fmt.Sprintf("%q is no cookie such as 0x5247060000000001", c.Cookie))
	}
	cookie, ours := ofrules.ParseCookie(number)
	if !ours {
		return fmt.Errorf("cookie %#x is not one of Ringfence's", number)
	}
	s.Out.Line("%#x  owner %#x (Ringfence), kind %s, id %#x", number, ofrules.CookieOwner>>48, cookie.Kind, cookie.ID)
	s.Out.Line("%s", cookie.Kind.Meaning())
	if g.Account == "" {
		return nil
	}
	flows, err := s.API.Flows(s.Ctx, g.Account, client.FlowFilter{Cookie: fmt.Sprintf("%#x", number), Limit: "1"})
	if err != nil {
		return err
	}
	for _, f := range flows.Items {
		if cookie.Kind == ofrules.KindRule && len(f.Rules) == 1 {
			s.Out.Line("rule %s of group %s, on host %s", f.Rules[0].Rule, f.Rules[0].Group, f.Host)
		}
		if f.NIC != "" {
			s.Out.Line("NIC %s, on host %s", f.NIC, f.Host)
		}
	}
	return hostAnswers(s.Out, flows.Hosts)
}
