package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/oftrace"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// tracer answers one question for a trace. It has what the host knew when the question came.
type tracer struct {
	sw       Switch
	log      *slog.Logger
	rule     func(number uint32) *inquiry.Rule
	q        inquiry.TraceQuestion
	host     ofrules.Host
	problems map[string]string // why NICs have no flows
	src, dst *traceEnd         // nil if the packet's end is no NIC
	ifaces   map[uint32]string // names of ports
}

// traceEnd is the NIC that sends the packet, or that it is for.
type traceEnd struct {
	nic     *secgroup.NIC
	segment secgroup.Segment
	port    uint32 // ofport here; 0 = not plugged here
}

// trace answers with what the switch would do with a packet, by ofproto/trace: from the
// source NIC on if the question asks for egress, and on its way to the destination NIC if it
// asks for ingress. No packet is sent.
func (d *Desk) trace(ctx context.Context, q inquiry.TraceQuestion) (inquiry.TraceAnswer, error) {
	t, err := d.tracer(q)
	if err != nil {
		return inquiry.TraceAnswer{}, err
	}
	answer := inquiry.TraceAnswer{Applied: d.host.Applied()}
	if q.Egress {
		if answer.Egress, answer.Ingress, err = t.egress(ctx); err != nil {
			return answer, err
		}
	}
	if q.Ingress && answer.Ingress == nil {
		answer.Ingress, err = t.ingress(ctx)
	}
	return answer, err
}

// tracer reads what the host knows of both ends of a question. It is an error if an end that
// is asked about is not known here.
func (d *Desk) tracer(q inquiry.TraceQuestion) (*tracer, error) {
	t := &tracer{sw: d.sw, log: d.log, rule: d.rule, q: q}
	ports := map[string]uint32{}
	d.host.Plugged(func(i Interfaces) {
		t.ifaces = i.Names()
		for _, nic := range []string{q.Source, q.Destination} {
			ports[nic] = i.OFPort(nic)
		}
	})
	d.host.Compiled(func(c Compiled, uplink uint32) {
		t.host, t.problems = ofrules.Host{Ports: c.Ports(), Uplink: uplink}, c.Problems()
	})
	var err error
	d.host.Share(func(s *span.Share) {
		if t.src, err = endOf(s, q, q.Source, ports); err == nil {
			t.dst, err = endOf(s, q, q.Destination, ports)
		}
	})
	switch {
	case err != nil:
		return nil, err
	case q.Egress && t.src == nil || q.Ingress && t.dst == nil:
		return nil, errors.New("the NIC is not in the policy as this host knows it")
	}
	return t, nil
}

// endOf returns a NIC as this host's share of the policy has it, or else as the question
// describes it, since a share lacks NICs of other hosts. It is nil if neither has the NIC.
func endOf(s *span.Share, q inquiry.TraceQuestion, id string, ports map[string]uint32) (*traceEnd, error) {
	if n := s.NICs[id].Record; n != nil {
		if network := s.Networks[n.Network]; network != nil {
			return &traceEnd{nic: n, segment: network.Segment(), port: ports[id]}, nil
		}
	}
	end, told := q.Ends[id]
	if !told {
		return nil, nil
	}
	mac, err := secgroup.ParseMAC(end.MAC)
	if err != nil {
		return nil, fmt.Errorf("question: ends: %s: %w", id, err)
	}
	return &traceEnd{
		nic:     &secgroup.NIC{ID: id, MAC: mac, Addresses: end.Addresses},
		segment: secgroup.Segment{Domain: end.Domain, VLAN: end.VLAN, Local: end.Local}, port: ports[id],
	}, nil
}

// oneSegment reports whether both ends are NICs that reach each other without a router.
func (t *tracer) oneSegment() bool {
	return t.src != nil && t.dst != nil && t.src.segment == t.dst.segment
}

// leaving is the frame that the source NIC would send.
func (t *tracer) leaving() frame {
	f := frame{port: t.src.port, src: t.src.nic.MAC, packet: t.q.Packet, state: t.q.State}
	for _, a := range t.src.nic.Addresses {
		if a.Is6() {
			f.target = a
		}
	}
	if t.oneSegment() {
		f.dst = destinationMAC(t.dst.nic, t.q.Packet.Dst)
	} else {
		f.dst = destinationMAC(nil, t.q.Packet.Dst)
	}
	return f
}

// egress traces the packet from the source NIC on. If it stays inside this host on its way to
// the destination NIC, the trace has the destination's leg, too; else ingress is nil.
func (t *tracer) egress(ctx context.Context) (egress, ingress *inquiry.Leg, err error) {
	if t.src.port == 0 {
		return notPlugged(), nil, nil
	}
	state := ctNext(t.q.State, t.q.Packet)
	trace, err := t.run(ctx, t.leaving(), state, state)
	if err != nil {
		return nil, nil, err
	}
	inside := t.q.Ingress && t.oneSegment() && t.dst.port != 0
	first, rest, reached := splitAt(trace, ofrules.TableDeliver)
	egress = t.showLeg(trace, first)
	outputs := trace.Outputs()
	switch {
	case inside && slices.Contains(outputs, t.ifaces[t.dst.port]):
		reached = true
	case !inside && t.src.segment.Local && len(outputs) > 0: // to a NIC of this host that was not asked about
		egress.Output = outputs[0]
	case !inside && !t.src.segment.Local && t.host.Uplink != 0:
		egress.Output = t.ifaces[t.host.Uplink]
		reached = slices.Contains(outputs, egress.Output)
		if !reached && len(outputs) > 0 { // to a NIC of this host that was not asked about
			egress.Output, reached = outputs[0], true
		}
	}
	t.conclude(egress, trace, first, reached)
	if !inside {
		if t.src.segment.Local && (egress.Reason == ofrules.DropUndelivered.String() || egress.Verdict == inquiry.Allow && egress.Output == "") {
			return hostLocal(egress), nil, nil
		}
		return egress, nil, nil
	}
	if egress.Verdict == inquiry.Allow {
		ingress = t.showLeg(trace, rest)
		ingress.Output = t.ifaces[t.dst.port]
		t.conclude(ingress, trace, rest, slices.Contains(outputs, ingress.Output))
	}
	return egress, ingress, nil
}

// ingress traces the destination's leg alone. The packet comes in by the uplink; or, if its
// source is a NIC of this host that may not send it, from there as part of an established
// connection, which egress lets pass.
func (t *tracer) ingress(ctx context.Context) (*inquiry.Leg, error) {
	if t.dst.port == 0 {
		return notPlugged(), nil
	}
	state := ctNext(t.q.State, t.q.Packet)
	out := t.ifaces[t.dst.port]
	if t.q.Egress && t.oneSegment() && t.src.port != 0 {
		known := inquiry.Established
		if t.q.State == inquiry.Reply {
			known = inquiry.Reply // and not what the sender began
		}
		trace, err := t.run(ctx, t.leaving(), ctNext(known, t.q.Packet), state)
		if err != nil {
			return nil, err
		}
		if _, rest, reached := splitAt(trace, ofrules.TableDeliver); reached {
			leg := t.showLeg(trace, rest)
			leg.Output = out
			t.conclude(leg, trace, rest, slices.Contains(trace.Outputs(), out))
			return leg, nil
		}
	}
	if t.dst.segment.Local {
		return hostLocal(&inquiry.Leg{}), nil
	}
	if t.host.Uplink == 0 {
		return &inquiry.Leg{Verdict: inquiry.Unknown, Reason: "no-uplink", Detail: "the host has no uplink by which the packet could come"}, nil
	}
	f := frame{port: t.host.Uplink, vlan: t.dst.segment.VLAN, src: gatewayMAC, dst: t.dst.nic.MAC, packet: t.q.Packet, state: t.q.State}
	if t.oneSegment() {
		f.src = t.src.nic.MAC
	}
	trace, err := t.run(ctx, f, state)
	if err != nil {
		return nil, err
	}
	steps := allSteps(trace)
	leg := t.showLeg(trace, steps)
	leg.Output = out
	t.conclude(leg, trace, steps, slices.Contains(trace.Outputs(), out))
	return leg, nil
}

func (t *tracer) run(ctx context.Context, f frame, states ...string) (*oftrace.Trace, error) {
	flow, err := f.flow()
	if err != nil {
		return nil, err
	}
	text, err := t.sw.Trace(ctx, flow, states)
	if err != nil {
		return nil, err
	}
	trace := oftrace.Parse(text)
	if len(trace.Unknown) > 0 {
		t.log.Warn("lines of a trace are not understood", "lines", len(trace.Unknown), "first", trace.Unknown[0].Text)
	}
	return trace, nil
}

// hostLocal makes the verdict of a leg that the packet cannot leave the host, or come to it,
// as the NIC's network has no VLAN.
func hostLocal(l *inquiry.Leg) *inquiry.Leg {
	l.Verdict, l.Reason, l.Rule = inquiry.Deny, inquiry.ReasonHostLocal, nil
	l.Detail = "the NIC's network has no VLAN: nothing of it leaves the host or comes in"
	return l
}

func notPlugged() *inquiry.Leg {
	return &inquiry.Leg{Verdict: inquiry.Deny, Reason: "not-plugged", Detail: "no interface of the host's bridge has the NIC's iface-id"}
}

// rule is ruleOf for callers outside of Host.Compiled.
func (d *Desk) rule(number uint32) (r *inquiry.Rule) {
	d.host.Compiled(func(c Compiled, _ uint32) { r = ruleOf(c, number) })
	return r
}
