package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// extension is that of files with lines.
const extension = ".jsonl"

// line is one that a benchmark printed.
type line map[string]any

// text is a member as it is said in a template; of one that there is not, nothing.
func (l line) text(member string) string {
	switch value := l[member].(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	default:
		return fmt.Sprint(value)
	}
}

// number is a member that is one.
func (l line) number(member string) (float64, error) {
	n, ok := l[member].(float64)
	if !ok {
		return 0, fmt.Errorf("figure %q has no number %q", l.text("figure"), member)
	}
	return n, nil
}

// measured is what a run printed.
type measured struct {
	name  string
	run   line // what made it
	lines []line
}

// read reads the file of a run.
func read(dir fs.FS, name string) (*measured, error) {
	content, err := fs.ReadFile(dir, name+extension)
	if err != nil {
		return nil, err
	}
	m := &measured{name: name}
	for i, text := range bytes.Split(bytes.TrimSpace(content), []byte("\n")) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("%s%s:%d: %w", name, extension, i+1, err)
		}
		m.lines = append(m.lines, l)
	}
	m.run, m.lines = m.lines[0], m.lines[1:]
	if m.run.text("bench") != "run" {
		return nil, fmt.Errorf("%s%s:1: the first line does not say what made the file", name, extension)
	}
	for _, member := range []string{"command", "commit", "date", "machine", "load"} {
		if m.run.text(member) == "" {
			return nil, fmt.Errorf("%s%s:1: what made the file has no %q", name, extension, member)
		}
	}
	return m, nil
}

// errMissing is of a figure that a run has not.
var errMissing = errors.New("no such figure")

// find is the line of a figure whose members are as where says: "remote=10000".
func (m *measured) find(figure string, where []string) (line, error) {
	sought := strings.Join(append([]string{strconv.Quote(figure)}, where...), " ")
	var found line
next:
	for _, l := range m.lines {
		if l.text("figure") != figure {
			continue
		}
		for _, w := range where {
			member, value, _ := strings.Cut(w, "=")
			if l.text(member) != value {
				continue next
			}
		}
		if found != nil {
			return nil, fmt.Errorf("%s%s: several figures are %s", m.name, extension, sought)
		}
		found = l
	}
	if found == nil {
		return nil, fmt.Errorf("%s%s: %w: %s", m.name, extension, errMissing, sought)
	}
	return found, nil
}

// load is the machine's load average, at the least and at the most.
func (m *measured) load() (least, most float64, err error) {
	if least, err = m.run.number("load"); err != nil {
		return 0, 0, err
	}
	most = least
	for _, l := range m.lines {
		if load, ok := l["load"].(float64); ok {
			least, most = min(least, load), max(most, load)
		}
	}
	return least, most, nil
}
