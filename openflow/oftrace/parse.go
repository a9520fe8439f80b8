package oftrace

import (
	"strconv"
	"strings"
)

// Parse reads the text. It never fails: see Trace.Unknown.
func Parse(text string) *Trace {
	p := parser{trace: &Trace{}}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		p.number = i + 1
		if !p.line(strings.TrimSuffix(line, "\r")) {
			p.trace.Unknown = append(p.trace.Unknown, Line{p.number, line})
		}
	}
	return p.trace
}

// parser holds where in the text it is.
type parser struct {
	trace   *Trace
	number  int
	section section
	frames  []frame // the steps that actions may still belong to, the innermost last
	recirc  *Pass   // the head of the next pass, whose "Flow:" is to come
}

type section uint8

const (
	beforePass section = iota // a pass's "Flow:"
	inHead                    // between two lines of "="
	inSteps                   // steps
	afterSteps                // "Final flow:" has been seen
)

// frame is a step and how far its actions are indented. The switch indents by
// 4 what comes last among its neighbours and by 8 what does not, so the first
// line below a step tells.
type frame struct {
	step   int
	indent int // of the step's own line
	inner  int // of its actions; 0 until the first one
}

// line reads one line and reports whether it knew what to do with it.
func (p *parser) line(s string) bool {
	if s == "" {
		return true
	}
	if flow, ok := strings.CutPrefix(s, "Flow: "); ok && (p.section == beforePass || p.section == afterSteps) {
		return p.begin(flow)
	}
	if strings.Trim(s, "=") == "" && len(s) == 79 {
		return p.rule()
	}
	switch p.section {
	case inHead:
		return p.head(s)
	case inSteps:
		return p.walk(s)
	case afterSteps:
		return p.after(s)
	default:
		return false
	}
}

func (p *parser) begin(flow string) bool {
	if (p.section == afterSteps) != (p.recirc != nil) {
		return false // a second first pass, or a head without its text
	}
	next := Pass{}
	if p.recirc != nil {
		next, p.recirc = *p.recirc, nil
	}
	next.Flow = flow
	p.trace.Passes = append(p.trace.Passes, next)
	p.section, p.frames = inSteps, nil
	return true
}

// rule is a line of "=": one before and one after a pass's head.
func (p *parser) rule() bool {
	switch {
	case p.section == afterSteps && p.recirc == nil:
		p.section = inHead
	case p.section == inHead && p.recirc != nil:
		p.section = afterSteps
	default:
		return false
	}
	return true
}

const (
	ctDefault = " - resume conntrack with default ct_state="
	ctGiven   = " - resume conntrack with ct_state="
)

// head reads "recirc(0x1) - resume conntrack with ct_state=new|trk".
func (p *parser) head(s string) bool {
	if p.recirc != nil {
		known := strings.HasPrefix(s, "Replacing src/dst ") || strings.HasPrefix(s, " Initial flow: ") || strings.HasPrefix(s, " Modified flow: ")
		if known {
			p.recirc.NAT = append(p.recirc.NAT, strings.TrimSpace(s))
		}
		return known
	}
	rest, ok := strings.CutPrefix(s, "recirc(")
	id, rest, closed := strings.Cut(rest, ")")
	n, err := strconv.ParseUint(id, 0, 32)
	if !ok || !closed || err != nil {
		return false
	}
	pass := Pass{Recirc: uint32(n)}
	if state, ok := strings.CutPrefix(rest, ctDefault); ok {
		pass.CTState, _, _ = strings.Cut(state, " ")
		pass.CTDefault = true
	} else if state, ok := strings.CutPrefix(rest, ctGiven); ok {
		pass.CTState = state
	} else if rest != "" {
		return false
	}
	p.recirc = &pass
	return true
}

// after reads what follows the steps.
func (p *parser) after(s string) bool {
	pass := p.trace.last()
	if p.recirc != nil {
		return false
	}
	for _, f := range []struct {
		prefix string
		field  *string
	}{{"Megaflow: ", &pass.Megaflow}, {"Datapath actions: ", &pass.Datapath}} {
		if text, ok := strings.CutPrefix(s, f.prefix); ok && *f.field == "" {
			*f.field = text
			return true
		}
	}
	if why, ok := strings.CutPrefix(s, "Translation failed ("); ok && pass.Failed == "" {
		why, ok = strings.CutSuffix(why, "), packet is dropped.")
		pass.Failed = why
		return ok
	}
	if s == "This flow is handled by the userspace slow path because it:" {
		return true
	}
	if why, ok := strings.CutPrefix(s, "  - "); ok {
		pass.SlowPath = append(pass.SlowPath, strings.TrimSuffix(why, "."))
		return true
	}
	return false
}
