package controller

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
	"github.com/ringfence/ringfence/verdict"
)

// connections reads the open connections of NICs, with what admitted them.
func (d *desk) connections(ctx context.Context, q inquiry.ConnectionsQuestion) (inquiry.ConnectionsAnswer, error) {
	answer := inquiry.ConnectionsAnswer{Connections: []inquiry.Connection{}, Applied: d.report.revision()}
	var wanted []uint16
	d.read(func(_ names, h ofrules.Host) {
		for _, id := range q.NICs {
			if p, here := h.Ports[id]; here {
				wanted = append(wanted, p.Zone)
			}
		}
	})
	conns, err := list(ctx, d.asked.ForDatapath(d.datapathName()), wanted)
	var unreadable *unixctl.DumpError
	if err != nil && !errors.As(err, &unreadable) {
		return answer, err
	}
	var all []inquiry.Connection
	d.view.policy(func(s *secgroup.Snapshot) {
		d.read(func(n names, h ofrules.Host) {
			zones := map[uint16]*secgroup.NIC{}
			for _, id := range q.NICs {
				if p, here := h.Ports[id]; here && s.NIC(id) != nil {
					zones[p.Zone] = s.NIC(id)
				}
			}
			for _, c := range conns {
				if nic := zones[c.Zone]; nic != nil && !ofrules.IsCut(c.Labels) {
					all = append(all, showConnection(n, nic, c))
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

func showConnection(n names, nic *secgroup.NIC, c unixctl.Conn) inquiry.Connection {
	out := inquiry.Connection{
		NIC: nic.ID, Direction: string(secgroup.Ingress), State: c.State, Timeout: int64(c.Timeout.Seconds()), Mark: c.Mark, Reason: "unknown",
		Packet: inquiry.Packet{
			Src: c.Orig.Src, Dst: c.Orig.Dst, Proto: c.Proto, SrcPort: c.Orig.SPort, DstPort: c.Orig.DPort,
			ICMPType: c.Orig.ICMPType, ICMPCode: c.Orig.ICMPCode,
		},
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
		if out.Rule = n.rule(c.Mark); out.Rule != nil {
			out.Reason = "rule"
		}
	}
	return out
}
