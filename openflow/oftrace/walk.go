package oftrace

import (
	"strconv"
	"strings"
)

// walk reads a line between "Flow:" and "Final flow:".
func (p *parser) walk(s string) bool {
	pass := p.trace.last()
	if final, ok := strings.CutPrefix(s, "Final flow: "); ok {
		pass.Final, p.section = final, afterSteps
		return true
	}
	indent := len(s) - len(strings.TrimLeft(s, " "))
	text := s[indent:]
	switch {
	case indent == 0 && strings.HasPrefix(text, `bridge("`) && strings.HasSuffix(text, `")`):
		pass.Bridges = append(pass.Bridges, text[len(`bridge("`):len(text)-len(`")`)])
		return true
	case indent == 0 && strings.Trim(text, "-") == "":
		return true
	case text == "thaw" && len(pass.Steps) == 0:
		return true
	}
	if step, ok := parseStep(text); ok && indent%4 == numberPadding(text) {
		p.step(indent-indent%4, step)
		return true
	}
	if note, ok := parseNote(s, &indent); ok {
		return p.note(indent, note)
	}
	if indent%4 != 0 {
		return false
	}
	if len(pass.Steps) == 0 {
		if strings.HasPrefix(text, "Resuming from ") || strings.HasPrefix(text, "Restoring ") {
			pass.Resumed = append(pass.Resumed, text)
			return true
		}
		return false
	}
	step := p.owner(indent)
	if step < 0 {
		return false
	}
	pass.Steps[step].Actions = append(pass.Steps[step].Actions, Action{Text: text})
	return true
}

// numberPadding is by how many columns "%2d. " moves a table's number.
func numberPadding(text string) int {
	if len(text) > 1 && text[1] == '.' {
		return 1
	}
	return 0
}

// parseStep reads "10. ip,in_port=1, priority 100, cookie 0x1" or "40. No match."
func parseStep(text string) (Step, bool) {
	number, rest, ok := strings.Cut(text, ". ")
	table, err := strconv.ParseUint(number, 10, 8)
	if !ok || err != nil || strconv.FormatUint(table, 10) != number {
		return Step{}, false
	}
	s := Step{Table: uint8(table)}
	if strings.HasPrefix(rest, "No match") || strings.HasPrefix(rest, "Packets are IP fragments") {
		s.Miss = rest
		return s, true
	}
	if flow, cookie, ok := strings.Cut(rest, ", cookie 0x"); ok {
		if s.Cookie, err = strconv.ParseUint(cookie, 16, 64); err != nil {
			return Step{}, false
		}
		rest = flow
	}
	i := strings.LastIndex(rest, "priority ")
	if i < 0 || i > 0 && !strings.HasSuffix(rest[:i], " ") {
		return Step{}, false
	}
	if s.Priority, err = strconv.Atoi(rest[i+len("priority "):]); err != nil {
		return Step{}, false
	}
	s.Match = strings.TrimSuffix(strings.TrimRight(rest[:i], " "), ",")
	return s, true
}

// step begins a step. Steps that are indented as much or more have ended,
// unless their actions go on at a lesser depth, which owner finds out.
func (p *parser) step(indent int, s Step) {
	pass := p.trace.last()
	p.enter(indent)
	pass.Steps = append(pass.Steps, s)
	p.frames = append(p.frames, frame{step: len(pass.Steps) - 1, indent: indent})
}

// enter drops the frames that a line at this depth shows to have ended: those
// whose actions would be deeper.
func (p *parser) enter(indent int) {
	for len(p.frames) > 0 {
		top := p.frames[len(p.frames)-1]
		if top.inner != 0 && top.inner <= indent {
			return
		}
		p.frames = p.frames[:len(p.frames)-1]
	}
}

// owner returns the step whose action stands at this depth, -1 if there is none.
// What is deeper than a step's actions is nested in the last of them.
func (p *parser) owner(indent int) int {
	if n := len(p.frames); n > 0 && p.frames[n-1].inner == 0 {
		if d := indent - p.frames[n-1].indent; d != 4 && d != 8 {
			return -1
		}
		p.frames[n-1].inner = indent
	}
	p.enter(indent)
	if len(p.frames) == 0 {
		return -1
	}
	return p.frames[len(p.frames)-1].step
}

// parseNote reads " -> text", " >> text" or " >>>> text <<<<", which stand after
// the indentation of an action and one blank; indent becomes that of the action.
func parseNote(s string, indent *int) (Note, bool) {
	if *indent%4 != 1 {
		return Note{}, false
	}
	text := s[*indent:]
	*indent--
	if t, ok := strings.CutPrefix(text, "-> "); ok {
		return Note{Detail, t}, true
	}
	if t, ok := strings.CutPrefix(text, ">>>> "); ok {
		t, ok = strings.CutSuffix(t, " <<<<")
		return Note{Error, t}, ok
	}
	if t, ok := strings.CutPrefix(text, ">> "); ok {
		return Note{Warning, t}, true
	}
	return Note{}, false
}

// note adds a remark to the action before it.
func (p *parser) note(indent int, n Note) bool {
	pass := p.trace.last()
	step := p.owner(indent)
	if step < 0 {
		pass.Notes = append(pass.Notes, n)
		return true
	}
	s := &pass.Steps[step]
	if len(s.Actions) == 0 {
		s.Actions = append(s.Actions, Action{})
	}
	a := &s.Actions[len(s.Actions)-1]
	a.Notes = append(a.Notes, n)
	return true
}
