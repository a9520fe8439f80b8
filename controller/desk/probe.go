package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
)

const (
	// probeTimeout is the hard timeout of a probe's flows, in case nobody removes them.
	probeTimeout = 10 * time.Second
	// probeWait is how long to wait for a sighting after the packet was sent.
	probeWait = time.Second
	// probeAfter is how long a packet that left egress may still be dropped: in
	// the next table.
	probeAfter = 50 * time.Millisecond
)

// probe answers a question for this host's part in a probe (see inquiry.ProbeQuestion): the
// destination's host is asked to arm the probe before the source's host is asked to send the
// packet, and to collect what was seen after that.
func (d *Desk) probe(ctx context.Context, q inquiry.ProbeQuestion) (answer inquiry.ProbeAnswer, err error) {
	switch q.Part {
	case inquiry.ProbeArm:
		_, err = d.armProbe(ctx, q)
		return answer, err
	case inquiry.ProbeCollect:
		p := d.probes.find(q.ID)
		if p == nil {
			return answer, errors.New("no such probe is here")
		}
		defer d.disarm(p)
		answer.Ingress = p.ingress(ctx)
		return answer, nil
	case inquiry.ProbeSend:
		return d.sendProbe(ctx, q)
	}
	return answer, fmt.Errorf("a probe has no part %q", q.Part)
}

// armProbe installs the flows that report the packet, and returns when the packet would
// meet them. The caller disarms the probe.
func (d *Desk) armProbe(ctx context.Context, q inquiry.ProbeQuestion) (*probe, error) {
	t, err := d.tracer(q.TraceQuestion)
	if err != nil {
		return nil, err
	}
	conn := d.sw.Conn()
	if conn == nil {
		return nil, errNoSwitch
	}
	if err := d.reports.listen(ctx, conn); err != nil {
		return nil, err
	}
	frame, err := frame{packet: q.Packet}.transport(q.Mark)
	if err != nil {
		return nil, err
	}
	p := d.probes.add(q.ID, frame)
	p.tracer, p.conn = t, conn
	mods := p.flows()
	err = conn.Apply(ctx,
		wire.MeterMod{Command: wire.MeterDelete, Meter: wire.MeterConfig{ID: p.meter()}}, // of a former run
		wire.MeterMod{Meter: meterOf(p.meter(), watchRateNIC)})
	if err == nil {
		err = conn.Bundle(ctx, mods)
	}
	if err == nil { // cached megaflows would carry the packet past them
		err = d.sw.Settle(ctx)
	}
	if err != nil {
		d.disarm(p)
		return nil, err
	}
	return p, nil
}

// flows are the messages that install the flows of those ends that are at this host.
func (p *probe) flows() (mods []wire.FlowMod) {
	t := p.tracer
	k := t.q.Packet
	for _, side := range []struct {
		here   bool
		end    *traceEnd
		egress bool
	}{{t.q.Egress, t.src, true}, {t.q.Ingress, t.dst, false}} {
		if !side.here || side.end.port == 0 {
			continue
		}
		flows := ofrules.Probe{
			ID: p.id, OFPort: side.end.port, Egress: side.egress, Meter: p.meter(), Packet: k,
			Ready: t.host.Ports[side.end.nic.ID].OFPort == side.end.port && t.problems[side.end.nic.ID] == "",
		}.Flows()
		for _, f := range flows {
			mods = append(mods, wire.FlowMod{Command: wire.FlowAdd, Flow: f, HardTimeout: uint16(probeTimeout.Seconds())})
		}
	}
	return mods
}

// disarm removes the probe, its flows and its meter.
//
//nolint:contextcheck // the flows go also when who asked has gone
func (d *Desk) disarm(p *probe) {
	d.probes.remove(p)
	ctx, cancel := context.WithTimeout(context.Background(), probeWait)
	defer cancel()
	err := errors.Join(
		p.conn.Bundle(ctx, []wire.FlowMod{unwatch(p.id)}),
		p.conn.Apply(ctx, wire.MeterMod{Command: wire.MeterDelete, Meter: wire.MeterConfig{ID: p.meter()}}))
	if err != nil && p.conn.Err() == nil {
		d.log.Warn("a probe's flows are not taken away; they end by themselves", "error", err)
	}
}

// sendProbe sends the packet as if it came from the source NIC, through all tables, and
// answers with what became of it at the ends that are here.
func (d *Desk) sendProbe(ctx context.Context, q inquiry.ProbeQuestion) (answer inquiry.ProbeAnswer, err error) {
	p, err := d.armProbe(ctx, q)
	if err != nil {
		return answer, err
	}
	defer d.disarm(p)
	t := p.tracer
	if t.src == nil || t.src.port == 0 {
		return answer, errors.New("the source NIC is not plugged here")
	}
	whole, err := t.leaving().bytes(q.Mark)
	if err != nil {
		return answer, err
	}
	err = p.conn.PacketOut(ctx, wire.PacketOut{
		InPort: t.src.port, Actions: openflow.MustActions(openflow.Output{Port: openflow.PortTable}), Packet: whole,
	})
	if err != nil {
		return answer, err
	}
	d.log.Info("probe sent", "nic", q.Source, "packet", fmt.Sprintf("%+v", q.Packet))
	inside := q.Ingress && t.oneSegment() && t.dst.port != 0
	answer.Egress = p.egress(ctx, inside)
	if inside && answer.Egress.Verdict == inquiry.Allow {
		answer.Ingress = p.ingress(ctx)
	}
	return answer, nil
}
