package debug

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Trace is "ringfence trace": what becomes of a packet, and why.
type Trace struct {
	From       string `required:"" complete:"nic" placeholder:"NIC|ADDR" help:"Where the packet comes from: a NIC, an instance with one NIC, or an address."`
	To         string `required:"" complete:"nic" placeholder:"NIC|ADDR" help:"Where it goes."`
	FromAddr   string `placeholder:"ADDR" help:"The source address, if not the NIC's first one."`
	ToAddr     string `placeholder:"ADDR" help:"The destination address, if not the NIC's first one."`
	Proto      string `default:"tcp" placeholder:"NAME" help:"tcp, udp, icmp or a number. Default tcp."`
	Port       int    `placeholder:"N" help:"Destination port."`
	SourcePort int    `placeholder:"N" help:"Source port. Default 40000."`
	ICMPType   *int   `name:"icmp-type" placeholder:"N" help:"ICMP type. Default echo request."`
	ICMPCode   *int   `name:"icmp-code" placeholder:"N" help:"ICMP code."`
	Family     string `enum:",ipv4,ipv6" default:"" placeholder:"FAMILY" help:"ipv4 or ipv6, where the ends have both."`
	State      string `enum:"new,established,reply,related,invalid" default:"new" placeholder:"STATE" help:"new, established, reply, related or invalid."`
	Probe      bool   `help:"Send the packet, too, as if the source NIC had, and tell where it ends."`
	Steps      bool   `help:"Show every flow that the packet meets."`
}

func (Trace) Help() string {
	return `Says what becomes of a packet and why: by the policy, and by the switches of the hosts where its ends are.
Nothing is sent, but with --probe.

Examples:
  ringfence trace --from web-1 --to db-1 --port 5432
  ringfence trace --from 8.8.8.8 --to web-1 --proto icmp --steps
  ringfence trace --from web-1 --to db-1 --port 5432 --probe`
}

// BodyFlags says which flag sets which field.
func (c *Trace) BodyFlags() failure.FlagNames {
	from, to := "--from", "--to"
	if c.FromAddr != "" {
		from = "--from-addr"
	}
	if c.ToAddr != "" {
		to = "--to-addr"
	}
	return failure.FlagNames{
		"/source": "--from", "/source/nic": "--from", "/source/address": from, "/destination": "--to", "/destination/nic": "--to", "/destination/address": to,
		"/protocol": "--proto", "/port": "--port", "/source_port": "--source-port", "/icmp_type": "--icmp-type", "/icmp_code": "--icmp-code", "/family": "--family",
	}
}

func (c Trace) Run(t *session.Tenant) error {
	spec := client.TraceSpec{
		Family: c.Family, Protocol: c.Proto, Port: c.Port, SourcePort: c.SourcePort, ICMPType: c.ICMPType, ICMPCode: c.ICMPCode, State: c.State,
		Probe: c.Probe,
	}
	var err error
	if spec.Source, err = traceEnd(t, c.From, c.FromAddr); err != nil {
		return err
	}
	if spec.Destination, err = traceEnd(t, c.To, c.ToAddr); err != nil {
		return err
	}
	var meta client.Meta
	trace, err := t.API.Trace(t.Ctx, t.Account, spec, client.Into(&meta))
	if err != nil {
		return err
	}
	if t.Out.Documents {
		return t.Show(meta)
	}
	printTrace(t, trace, c.Steps)
	return nil
}

// traceEnd finds what a person calls an end: an address, a NIC, or an instance
// that has one NIC.
func traceEnd(t *session.Tenant, name, address string) (client.TraceEnd, error) {
	if _, err := netip.ParseAddr(name); err == nil {
		return client.TraceEnd{Address: name}, nil
	}
	nics, err := client.Collect(t.API.NICs(t.Ctx, t.Account))
	if err != nil {
		return client.TraceEnd{}, err
	}
	var found []string
	for _, n := range nics {
		if n.ID == name {
			return client.TraceEnd{NIC: name, Address: address}, nil
		}
		if n.Instance == name {
			found = append(found, n.ID)
		}
	}
	switch len(found) {
	case 0:
		return client.TraceEnd{NIC: name, Address: address}, nil // the API says that there is none
	case 1:
		return client.TraceEnd{NIC: found[0], Address: address}, nil
	}
	return client.TraceEnd{}, fmt.Errorf("instance %s has the NICs %s: name one", name, strings.Join(found, ", "))
}

// printTrace prints the verdict first, then the packet's way.
func printTrace(t *session.Tenant, r client.Trace, steps bool) {
	p := t.Out
	p.Line("%s  %s  %s", verdictText(p, r.Verdict), session.PacketText(r.Packet), r.Summary)
	switch {
	case r.Agreement != nil && !*r.Agreement:
		p.Line("%s", p.Paint(output.Red, "The datapath does not do what the policy says."))
	case !r.Done:
		p.Line("%s", p.Paint(output.Yellow, "Some host has not answered yet: ask again."))
	}
	for _, l := range r.Legs {
		where := l.NIC
		if l.Host != "" {
			where += " on " + l.Host
		}
		if l.Hidden {
			where = "another account"
		}
		p.Line("")
		p.Line("%s %s", p.Paint(output.Bold, l.Direction), where)
		p.Line("  policy    %s  %s", verdictText(p, l.Policy.Verdict), reasonText(l.Policy.Reason, t.GroupLabel(l.Policy.Group), l.Policy.Rule, l.Policy.Detail))
		p.Line("  datapath  %s  %s", verdictText(p, l.Datapath.Verdict), reasonText(l.Datapath.Reason, t.GroupLabel(l.Datapath.Group), l.Datapath.Rule, l.Datapath.Detail))
		if b := l.Probe; b != nil {
			p.Line("  probe     %s  %s", verdictText(p, b.Verdict), reasonText(b.Reason, "", "", b.Detail))
		}
		if path := pathText(l.Datapath.Steps); path != "" {
			p.Line("  path      %s", p.Paint(output.Dim, path))
		}
		if steps {
			printSteps(t, l.Datapath)
		}
	}
}

func printSteps(t *session.Tenant, d client.TraceDatapath) {
	p := t.Out
	for _, s := range d.Steps {
		if s.CTState != "" {
			p.Line("    %s", p.Paint(output.Dim, "conntrack says "+s.CTState))
		}
		rule := ""
		if s.Rule != "" {
			rule = p.Paint(output.Green, "  rule "+t.GroupName(s.Group)+"/"+s.Rule)
		}
		if s.Kind == "foreign" {
			rule = p.Paint(output.Red, "  not a flow of Ringfence")
		}
		p.Line("    %3d %-15s priority=%d,%s cookie=%s%s", s.Table, s.TableName, s.Priority, s.Match, s.Cookie, rule)
		p.Line("        %s", p.Paint(output.Dim, "→ "+s.Actions))
	}
	for _, u := range d.Unparsed {
		p.Line("    %s", p.Paint(output.Yellow, "not understood: "+u))
	}
}

func verdictText(p *output.Printer, v string) string {
	style := map[string]output.Style{"allow": output.Green, "deny": output.Red}[v]
	if style == output.Plain {
		style = output.Yellow
	}
	return p.Paint(style, fmt.Sprintf("%-7s", strings.ToUpper(v)))
}

func reasonText(reason, group, rule, detail string) string {
	s := reason
	if rule != "" {
		s = "rule " + rule + " of group " + group
	}
	if detail != "" {
		s += ": " + detail
	}
	return s
}

// pathText is the way through the tables: "entry → egress-guard → ct(new|trk) → …".
// One that a packet goes through several times in a row stands there once.
func pathText(steps []client.TraceStep) string {
	var parts []string
	for _, s := range steps {
		if s.CTState != "" {
			parts = append(parts, "ct("+s.CTState+")")
		}
		name := s.TableName
		if s.Kind == "miss" {
			name += " (no match)"
		}
		if len(parts) == 0 || parts[len(parts)-1] != name {
			parts = append(parts, name)
		}
	}
	return strings.Join(parts, " → ")
}
