package desk

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/oftrace"
)

// tracedStep is a step with the pass that it is of.
type tracedStep struct {
	*oftrace.Step
	pass  *oftrace.Pass
	first bool // of its pass
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

// splitAt divides the steps behind the first one in a table.
func splitAt(t *oftrace.Trace, table uint8) (before, behind []tracedStep, found bool) {
	all := allSteps(t)
	for i, s := range all {
		if s.Table == table && s.Miss == "" {
			return all[:i+1], all[i+1:], true
		}
	}
	return all, nil, false
}

// leg shows the steps of one NIC's leg.
func (t *tracer) leg(trace *oftrace.Trace, steps []tracedStep) *inquiry.Leg {
	l := &inquiry.Leg{Verdict: inquiry.Unknown}
	for _, s := range steps {
		l.Steps = append(l.Steps, t.step(s))
	}
	for _, u := range trace.Unknown {
		l.Unparsed = append(l.Unparsed, fmt.Sprintf("%d: %s", u.Number, u.Text))
	}
	return l
}

// step shows one step; what stands for a rule is named.
func (t *tracer) step(s tracedStep) inquiry.Step {
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

// conclude gives the leg its verdict and reason: what admitted the packet, or
// where it ended.
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

// admission says what let the packet pass: the last flow that may.
func (t *tracer) admission(steps []tracedStep) (reason string, rule *inquiry.Rule) {
	reason = "enforcement-off" // unless it was judged
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

// refusal says why the packet ended at a step.
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

// watchedDrop is why the flow of a drop watch drops, which stands above the one that
// would have dropped, or where none matches, and says so in its user data.
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
