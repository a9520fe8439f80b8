package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/ofrules"
)

type flowsCmd struct {
	listFlags
	NIC   string `name:"nic" complete:"nic" placeholder:"NIC" help:"Only flows of this NIC and of the groups that judge it."`
	Group string `complete:"group" placeholder:"GROUP" help:"Only flows of this group's rules."`
	Rule  string `placeholder:"RULE" help:"Only flows of this rule."`
	Ofctl bool   `help:"Print them as ovs-ofctl dump-flows --no-stats does, one a line."`
	Limit string `default:"1000" placeholder:"N" help:"At most so many a host. Default 1000."`
}

func (flowsCmd) Help() string {
	return `The flows that are installed for the account's NICs, with their counters, as the switches have them now.
What a cookie stands for: ringfence explain-cookie 0x….`
}

func (c flowsCmd) Run(t *tenant) error {
	filter := client.FlowFilter{NIC: c.NIC, Rule: c.Rule, Limit: c.Limit}
	if c.Group != "" {
		var err error
		if filter.Group, err = t.groupID(c.Group); err != nil {
			return err
		}
	}
	var meta client.Meta
	flows, err := t.api.Flows(t.ctx, t.account, filter, client.Into(&meta))
	if err != nil {
		return err
	}
	if t.out.documents {
		return t.show(meta)
	}
	if c.Ofctl {
		for _, f := range flows.Items {
			t.out.line("%s", f.Ofctl)
		}
		return hostAnswers(t.out, flows.Hosts)
	}
	rows := make([][]cell, 0, len(flows.Items))
	for _, f := range flows.Items {
		rows = append(rows, []cell{
			text(f.Host), text(fmt.Sprintf("%d %s", f.Table, f.TableName)), text(strconv.Itoa(f.Priority)), text(f.Cookie), text(flowFor(t, f)),
			text(strconv.FormatUint(f.Packets, 10)), text(strconv.FormatUint(f.Bytes, 10)), text(f.Match), text(f.Actions),
		})
	}
	if err := t.out.listTable([]string{"HOST", "TABLE", "PRIORITY", "COOKIE", "FOR", "PACKETS", "BYTES", "MATCH", "ACTIONS"}, nil, rows); err != nil {
		return err
	}
	return hostAnswers(t.out, flows.Hosts)
}

// flowFor says what a flow is for.
func flowFor(t *tenant, f client.Flow) string {
	switch {
	case len(f.Rules) == 1:
		return fmt.Sprintf("%s %s/%s", f.Kind, t.groupName(f.Rules[0].Group), f.Rules[0].Rule)
	case len(f.Rules) > 1:
		return fmt.Sprintf("%s of %d rules", f.Kind, len(f.Rules))
	case f.NIC != "":
		return f.Kind + " " + f.NIC
	}
	return f.Kind
}

// hostAnswers tells about hosts whose part is missing.
func hostAnswers(p *printer, hosts []client.HostAnswer) error {
	for _, h := range hosts {
		if h.Truncated {
			p.line("%s", p.paint(yellow, "host "+h.Host+" has more than it was asked for"))
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

type connectionsCmd struct {
	listFlags
	NIC   string `name:"nic" complete:"nic" placeholder:"NIC" help:"Only connections of this NIC."`
	Limit string `default:"1000" placeholder:"N" help:"At most so many a host. Default 1000."`
}

func (connectionsCmd) Help() string {
	return "The open connections of the account's NICs, with the rules that admitted them."
}

func (c connectionsCmd) Run(t *tenant) error {
	var meta client.Meta
	conns, err := t.api.Connections(t.ctx, t.account, c.NIC, c.Limit, client.Into(&meta))
	if err != nil {
		return err
	}
	if t.out.documents {
		return t.show(meta)
	}
	rows := make([][]cell, 0, len(conns.Items))
	for _, k := range conns.Items {
		by := k.Reason
		if k.Rule != "" {
			by = t.groupName(k.Group) + "/" + k.Rule
		}
		rows = append(rows, []cell{
			text(k.Host), text(k.NIC), text(k.Direction), text(packetText(k.TracePacket)), text(strconv.Itoa(k.SourcePort)),
			text(k.State), text(fmt.Sprintf("%d s", k.ExpiresIn)), known(k.Age, "%.0f s"), known(k.Bytes, "%d"), text(by),
		})
	}
	if err := t.out.listTable([]string{"HOST", "NIC", "DIRECTION", "CONNECTION", "FROM PORT", "STATE", "EXPIRES", "AGE", "BYTES", "ADMITTED BY"}, nil, rows); err != nil {
		return err
	}
	return hostAnswers(t.out, conns.Hosts)
}

// known shows a number that may be missing.
func known[N uint64 | float64](n *N, format string) cell {
	if n == nil {
		return cell{}
	}
	return text(fmt.Sprintf(format, *n))
}

type explainCookieCmd struct {
	Cookie string `arg:"" help:"A flow's cookie, 0x…."`
}

func (explainCookieCmd) Help() string {
	return `Says what a flow of Ringfence is for. With an account, the rule or NIC that it stands for is looked up among the
installed flows of that account.`
}

func (c explainCookieCmd) Run(s *session, g *globals) error {
	number, err := strconv.ParseUint(c.Cookie, 0, 64)
	if err != nil {
		return usageError(fmt.Sprintf("%q is no cookie such as 0x5247060000000001", c.Cookie))
	}
	cookie, ours := ofrules.ParseCookie(number)
	if !ours {
		return fmt.Errorf("cookie %#x is not one of Ringfence's", number)
	}
	s.out.line("%#x  owner %#x (Ringfence), kind %s, id %#x", number, ofrules.CookieOwner>>48, cookie.Kind, cookie.ID)
	s.out.line("%s", cookie.Kind.Meaning())
	if g.Account == "" {
		return nil
	}
	flows, err := s.api.Flows(s.ctx, g.Account, client.FlowFilter{Cookie: fmt.Sprintf("%#x", number), Limit: "1"})
	if err != nil {
		return err
	}
	for _, f := range flows.Items {
		if cookie.Kind == ofrules.KindRule && len(f.Rules) == 1 {
			s.out.line("rule %s of group %s, on host %s", f.Rules[0].Rule, f.Rules[0].Group, f.Host)
		}
		if f.NIC != "" {
			s.out.line("NIC %s, on host %s", f.NIC, f.Host)
		}
	}
	return hostAnswers(s.out, flows.Hosts)
}
