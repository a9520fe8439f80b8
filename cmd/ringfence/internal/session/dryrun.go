package session

import (
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// cutsShown is how many of the connections that a change would cut are printed.
const cutsShown = 10

// access prints what a dry run says that the change would let through, what not
// any more, and what it would cut.
func (s *Session) access(meta client.Meta) {
	d := meta.Access
	if d == nil {
		return
	}
	for _, side := range []struct {
		sign string
		how  output.Style
		all  []client.Access
	}{{"+", output.Green, d.NewlyAllowed}, {"-", output.Red, d.NoLongerAllowed}} {
		for _, a := range side.all {
			s.Out.Line("%s", s.Out.Paint(side.how, side.sign+" "+accessText(a)))
		}
	}
	if d.More {
		s.Out.Line("  and more than is listed")
	}
	if c := meta.Connections; c != nil {
		s.Out.Line("  %s", cutText(c))
		for i, cut := range c.Cut {
			if i == cutsShown {
				s.Out.Line("  x and %d more", c.Count-i)
				break
			}
			s.Out.Line("%s", s.Out.Paint(output.Red, "  x "+cut.NIC+" "+cut.Direction+" "+PacketText(cut.TracePacket)))
		}
	}
}

// accessText says what may pass: "egress tcp 443 of group web to 10.0.0.0/8".
func accessText(a client.Access) string {
	whose := "group " + a.Group
	if a.NIC != "" {
		whose = "NIC " + a.NIC
	}
	service := a.Protocol
	switch {
	case a.PortMin != nil && a.PortMax != nil && *a.PortMin != *a.PortMax:
		service += fmt.Sprintf(" %d-%d", *a.PortMin, *a.PortMax)
	case a.PortMin != nil:
		service += fmt.Sprintf(" %d", *a.PortMin)
	case a.ICMPType != nil:
		service += fmt.Sprintf(" type %d", *a.ICMPType)
	}
	if a.Family != "any" {
		service = a.Family + " " + service
	}
	var remote []string
	if a.Remote.CIDR != "" {
		remote = append(remote, a.Remote.CIDR)
	}
	if a.Remote.Group != "" {
		remote = append(remote, "group "+a.Remote.Group)
	}
	if a.Remote.NIC != "" {
		remote = append(remote, "NIC "+a.Remote.NIC)
	}
	if remote == nil {
		remote = []string{"anywhere"}
	}
	way := "from"
	if a.Direction == "egress" {
		way = "to"
	}
	return fmt.Sprintf("%s %s of %s %s %s", a.Direction, service, whose, way, strings.Join(remote, " in "))
}

// cutText says how many open connections a change would cut.
func cutText(c *client.Connections) string {
	switch {
	case !c.Complete && c.Count == 0:
		return "it is unknown which open connections would be cut: hosts do not answer"
	case !c.Complete:
		return fmt.Sprintf("at least %d open connections would be cut: hosts do not answer", c.Count)
	case c.Count == 1:
		return "1 open connection would be cut"
	}
	return fmt.Sprintf("%d open connections would be cut", c.Count)
}

// PacketText is a packet in a few words: "10.0.0.1 → 10.0.0.2 tcp/443".
func PacketText(k client.TracePacket) string {
	service := k.Protocol
	switch k.Protocol {
	case "tcp", "udp":
		service = fmt.Sprintf("%s/%d", k.Protocol, k.Port)
	case "icmp", "icmpv6":
		service = fmt.Sprintf("%s %d/%d", k.Protocol, k.ICMPType, k.ICMPCode)
	}
	return fmt.Sprintf("%s → %s %s", k.Source, k.Destination, service)
}
