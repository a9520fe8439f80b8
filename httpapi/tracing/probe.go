package tracing

import (
	"context"
	"crypto/rand"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
)

// Probe is what became of the packet that was sent.
type Probe struct {
	Verdict   inquiry.Verdict `json:"verdict"`
	Reason    string          `json:"reason"`
	Detail    string          `json:"detail"`
	Table     *uint8          `json:"table"` // null: it was not seen
	TableName *string         `json:"table_name"`
}

// probe sends the packet of a trace: the host of the destination looks for it
// before that of the source sends it.
func (r *Tracer) probe(ctx context.Context, id string, t *draft) {
	q := inquiry.ProbeQuestion{ID: id, TraceQuestion: t.path.question()}
	_, _ = rand.Read(q.Mark[:]) // never fails
	source, destination := t.leg(secgroup.Egress), t.leg(secgroup.Ingress)
	if source == nil || source.place == nil {
		t.unprobed("the source NIC is plugged nowhere")
		return
	}
	q.Part, q.Egress = inquiry.ProbeSend, true
	here := destination != nil && destination.place != nil && t.path.oneSegment
	elsewhere := here && destination.place.Host != source.place.Host
	q.Ingress = here && !elsewhere
	if elsewhere {
		arm := q
		arm.Part, arm.Egress, arm.Ingress = inquiry.ProbeArm, false, true
		if err := asking.Ask(ctx, r.Config.Store, destination.place.Host, inquiry.KindProbe, arm, &inquiry.ProbeAnswer{}); err != nil {
			t.unprobed(asking.NoAnswer(destination.place.Host, err))
			return
		}
	}
	var sent, got inquiry.ProbeAnswer
	if err := asking.Ask(ctx, r.Config.Store, source.place.Host, inquiry.KindProbe, q, &sent); err != nil {
		t.unprobed(asking.NoAnswer(source.place.Host, err))
		return
	}
	source.probe = sent.Egress
	switch {
	case destination == nil:
	case sent.Ingress != nil:
		destination.probe = sent.Ingress
	case elsewhere:
		collect := q
		collect.Part = inquiry.ProbeCollect
		if err := asking.Ask(ctx, r.Config.Store, destination.place.Host, inquiry.KindProbe, collect, &got); err != nil {
			destination.probe = unprobed(asking.NoAnswer(destination.place.Host, err))
		} else if sent.Egress != nil && sent.Egress.Verdict == inquiry.Allow {
			destination.probe = got.Ingress
		}
	case !t.path.oneSegment:
		destination.probe = unprobed("the way goes by a router, whose MAC is not known: the packet was sent to a MAC of nobody")
	}
	t.compareProbe()
}

// question is what hosts are asked about the packet.
func (w *path) question() inquiry.TraceQuestion {
	q := inquiry.TraceQuestion{State: w.state, Packet: w.packet}
	if w.src != nil {
		q.Source = w.src.ID
	}
	if w.dst != nil {
		q.Destination = w.dst.ID
	}
	return q
}

func (t *draft) leg(d secgroup.Direction) *draftLeg {
	for _, l := range t.legs {
		if l.direction == d {
			return l
		}
	}
	return nil
}

func unprobed(why string) *inquiry.ProbeLeg {
	return &inquiry.ProbeLeg{Verdict: inquiry.Unknown, Reason: "no-answer", Detail: why}
}

func (t *draft) unprobed(why string) {
	for _, l := range t.legs {
		l.probe = unprobed(why)
	}
}

// compareProbe holds what became of the packet against the policy. Where the
// datapath's trace agrees with the policy and the packet does not, that is a
// disagreement too.
func (t *draft) compareProbe() {
	for _, l := range t.legs {
		if t.agreement == nil || !*t.agreement || l.probe == nil || !l.comparable() || l.applied != t.path.revision {
			continue
		}
		if same := l.probe.Verdict == inquiry.Unknown || l.probe.Verdict == l.policy.Verdict; !same {
			t.agreement = &same
		}
	}
}

// showProbe shows what became of the packet at one end; nil if it was not sent.
func (l *draftLeg) showProbe(account string) *Probe {
	p := l.probe
	if p == nil {
		return nil
	}
	if l.nic.Account != account {
		return &Probe{Verdict: p.Verdict, Reason: hiddenReason(p.Verdict)}
	}
	out := &Probe{Verdict: p.Verdict, Reason: p.Reason, Detail: p.Detail}
	if p.Verdict != inquiry.Unknown {
		out.Table, out.TableName = &p.Table, &p.TableName
	}
	return out
}

// probeVerdict is what became of the packet in all; nil if it was not sent.
func (t *draft) probeVerdict() *inquiry.Verdict {
	var out *inquiry.Verdict
	for _, l := range t.legs {
		switch p := l.probe; {
		case p == nil:
		case p.Verdict == inquiry.Deny, out == nil, p.Verdict == inquiry.Unknown && *out == inquiry.Allow:
			out = &p.Verdict
		}
	}
	return out
}

// comparable tells whether the datapath should do what the policy says.
func (l *draftLeg) comparable() bool {
	return l.asked && l.datapath.Verdict != inquiry.Unknown && l.place.NIC.Ready && l.datapath.Reason != "cut" && l.datapath.Reason != "not-plugged" && l.datapath.Reason != inquiry.ReasonHostLocal
}
