package desk

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/unixctl"
	"github.com/ringfence/ringfence/verdict"
)

// connections lists the open connections in the conntrack zones of NICs, each with the
// rule that admitted it.
func (d *Desk) connections(ctx context.Context, q inquiry.ConnectionsQuestion) (inquiry.ConnectionsAnswer, error) {
	answer := inquiry.ConnectionsAnswer{Connections: []inquiry.Connection{}, Applied: d.host.Applied()}
	var wanted []uint16
	d.host.Compiled(func(c Compiled, _ uint32) {
		for _, id := range q.NICs {
			if zone := c.Port(id).Zone; zone != 0 {
				wanted = append(wanted, zone)
			}
		}
	})
	conns, err := d.sw.Connections(ctx, wanted)
	var unreadable *unixctl.DumpError
	if err != nil && !errors.As(err, &unreadable) {
		return answer, err
	}
	var all []inquiry.Connection
	d.host.Share(func(s *span.Share) {
		d.host.Compiled(func(c Compiled, _ uint32) {
			zones := map[uint16]*secgroup.NIC{}
			for _, id := range q.NICs {
				if zone, n := c.Port(id).Zone, s.NICs[id].Record; zone != 0 && n != nil {
					zones[zone] = n
				}
			}
			for _, conn := range conns {
				if nic := zones[conn.Zone]; nic != nil && !ofrules.IsCut(conn.Labels) {
					all = append(all, showConnection(c, nic, conn))
				}
			}
		})
	})
	slices.SortFunc(all, func(a, b inquiry.Connection) int {
		return cmp.Or(cmp.Compare(a.NIC, b.NIC), a.Packet.Src.Compare(b.Packet.Src), a.Packet.Dst.Compare(b.Packet.Dst),
			cmp.Compare(a.Packet.DstPort, b.Packet.DstPort), cmp.Compare(a.Packet.SrcPort, b.Packet.SrcPort))
	})
	limit := min(cmp.Or(q.Limit, maxListed), maxListed)
	answer.Truncated = len(all) > limit
	answer.Connections = append(answer.Connections, all[:min(len(all), limit)]...)
	return answer, nil
}

func showConnection(by Compiled, nic *secgroup.NIC, c unixctl.Conn) inquiry.Connection {
	out := inquiry.Connection{
		NIC: nic.ID, Direction: string(secgroup.Ingress), State: c.State, Timeout: int64(c.Timeout.Seconds()), Mark: c.Mark, Reason: "unknown",
		Packet: c.First(),
	}
	out.Packets, out.Bytes = c.Sent.Packets+c.Received.Packets, c.Sent.Bytes+c.Received.Bytes
	if !c.Start.IsZero() {
		out.Age = max(time.Since(c.Start).Seconds(), 0.001)
	}
	if !verdict.Spoofed(nic, c.Orig.Src) {
		out.Direction = string(secgroup.Egress)
	}
	switch c.Mark {
	case ofrules.MarkUnrestricted:
		out.Reason = "unrestricted"
	case ofrules.MarkBaseline:
		out.Reason = "baseline"
	case ofrules.MarkUnfiltered:
		out.Reason = "enforcement-off"
	case ofrules.MarkFragment:
		out.Reason = "fragment"
	default:
		if out.Rule = ruleOf(by, c.Mark); out.Rule != nil {
			out.Reason = "rule"
		}
	}
	return out
}
