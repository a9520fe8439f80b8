package desk

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/oftrace"
)

// tracedStep is a step of a trace, and the pass between two recirculations that it is in.
type tracedStep struct {
	*oftrace.Step
	pass  *oftrace.Pass
	first bool // it is the first one of its pass
}

func allSteps(t *oftrace.Trace) []tracedStep {
	var out []tracedStep
	for i := range t.Passes {
		p := &t.Passes[i]
		for j := range p.Steps {
			out = append(out, tracedStep{&p.Steps[j], p, j == 0})
		}
	}
	return out
}

// splitAt divides the steps of a trace behind the first one that matched in a table. If none
// did, all of them are before.
func splitAt(t *oftrace.Trace, table uint8) (before, behind []tracedStep, found bool) {
	all := allSteps(t)
	for i, s := range all {
		if s.Table == table && s.Miss == "" {
			return all[:i+1], all[i+1:], true
		}
	}
	return all, nil, false
}

// showLeg describes the steps of one NIC's leg as the API shows them, without a verdict.
func (t *tracer) showLeg(trace *oftrace.Trace, steps []tracedStep) *inquiry.Leg {
	l := &inquiry.Leg{Verdict: inquiry.Unknown}
	for _, s := range steps {
		l.Steps = append(l.Steps, t.showStep(s))
	}
	for _, u := range trace.Unknown {
		l.Unparsed = append(l.Unparsed, fmt.Sprintf("%d: %s", u.Number, u.Text))
	}
	return l
}

// showStep describes one step as the API shows it, with the rule that its flow stands for.
func (t *tracer) showStep(s tracedStep) inquiry.Step {
	out := inquiry.Step{
		Table: s.Table, TableName: ofrules.TableNames()[s.Table], Priority: s.Priority, Match: s.Match, Cookie: fmt.Sprintf("%#x", s.Cookie),
	}
	var actions []string
	for _, a := range s.Actions {
		if a.Text != "" {
			actions = append(actions, a.Text)
		}
		for _, n := range a.Notes {
			text := n.Text
			if n.Level != oftrace.Detail {
				text = n.Level.String() + ": " + text
			}
			out.Notes = append(out.Notes, text)
		}
	}
	out.Actions = strings.Join(actions, ",")
	if s.first && s.pass.Recirc != 0 {
		out.Recirc, out.CTState = fmt.Sprintf("%#x", s.pass.Recirc), s.pass.CTState
	}
	c, ours := ofrules.ParseCookie(s.Cookie)
	switch {
	case s.Miss != "":
		out.Kind, out.Match = "miss", s.Miss
	case !ours:
		out.Kind = "foreign"
	default:
		out.Kind = c.Kind.String()
		if c.Kind == ofrules.KindRule {
			out.Rule = t.rule(c.ID)
		}
	}
	return out
}

// conclude sets the verdict and the reason of a leg: which flow admitted the packet if it
// passed, and else where it ended.
func (t *tracer) conclude(l *inquiry.Leg, trace *oftrace.Trace, steps []tracedStep, passed bool) {
	l.Verdict = inquiry.Deny
	if passed {
		l.Verdict = inquiry.Allow
		l.Reason, l.Rule = t.admission(steps)
		return
	}
	l.Output = ""
	for _, p := range trace.Passes {
		if p.Failed != "" {
			l.Reason, l.Detail = "translation-failed", p.Failed
			return
		}
	}
	if len(steps) == 0 {
		l.Reason = ofrules.DropUndelivered.String()
		return
	}
	l.Reason, l.Detail = t.refusal(steps[len(steps)-1])
}

// admission returns why the packet passed. Of several flows that may admit a packet the last
// one counts.
func (t *tracer) admission(steps []tracedStep) (reason string, rule *inquiry.Rule) {
	reason = "enforcement-off" // unless a step says otherwise
	for _, s := range steps {
		c, ours := ofrules.ParseCookie(s.Cookie)
		switch {
		case s.Miss == "" && !ours:
			return "foreign-flow", nil
		case c.Kind == ofrules.KindRule:
			reason, rule = "rule", t.rule(c.ID)
		case c.Kind == ofrules.KindUnrestricted:
			reason = "unrestricted"
		case c.Kind == ofrules.KindBaseline:
			reason = "baseline"
		}
		switch s.Table {
		case ofrules.TableEgressGuard, ofrules.TableIngressGuard:
			reason = "guard"
		case ofrules.TableEgressState, ofrules.TableIngressState:
			if strings.Contains(s.Match, "+est") {
				reason = "established"
			} else if strings.Contains(s.Match, "+rel") {
				reason = "related"
			}
		case ofrules.TableEgressAny, ofrules.TableIngressAny:
			if c.Kind == ofrules.KindPipeline {
				reason = "guard" // DHCP of a client that renews
			}
		}
	}
	return reason, rule
}

// refusal returns why the packet ended at a step.
func (t *tracer) refusal(s tracedStep) (reason, detail string) {
	if _, ours := ofrules.ParseCookie(s.Cookie); s.Miss == "" && !ours {
		return "foreign-flow", fmt.Sprintf("a flow that is not ours, cookie %#x, in table %d", s.Cookie, s.Table)
	}
	if why, ok := watchedDrop(s); ok && why != ofrules.DropNotReady {
		return why.String(), why.Detail()
	}
	c, _ := ofrules.ParseCookie(s.Cookie)
	why, detail := ofrules.DroppedAt(s.Table, uint16(s.Priority), c.Kind, s.Miss != "")
	if s.Table == ofrules.TableEntry {
		for _, end := range []*traceEnd{t.src, t.dst} {
			if end != nil && t.problems[end.nic.ID] != "" {
				return why.String(), t.problems[end.nic.ID]
			}
		}
	}
	return why.String(), detail
}

// watchedDrop returns the reason of a step whose flow is one of a drop watch. Such a flow
// drops in the stead of the flow below it, and has the reason in the user data of its
// controller action.
func watchedDrop(s tracedStep) (ofrules.DropReason, bool) {
	for _, a := range s.Actions {
		_, data, ok := strings.Cut(a.Text, "userdata=")
		if !ok {
			continue
		}
		data, _, _ = strings.Cut(strings.TrimRight(data, ")"), ",")
		b, err := hex.DecodeString(strings.ReplaceAll(data, ".", ""))
		if r, ours := ofrules.ParseReport(b); err == nil && ours && r.Drop != 0 {
			return r.Drop, true
		}
	}
	return 0, false
}
