package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/template"
)

// templateName is the file of the page's words.
const templateName = "page.md.tmpl"

// page makes the page of a directory with its words and the lines of runs. All of the runs are
// on it: a file of which it shows nothing is an error, as one that it lacks.
func page(dir fs.FS) ([]byte, error) {
	s := &shown{dir: dir, runs: map[string]*measured{}}
	t, err := template.New(templateName).Funcs(s.functions()).ParseFS(dir, templateName)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, nil); err != nil {
		return nil, err
	}
	files, err := fs.Glob(dir, "*"+extension)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if s.runs[strings.TrimSuffix(file, extension)] == nil {
			return nil, fmt.Errorf("%s: the page shows nothing of it", file)
		}
	}
	return out.Bytes(), nil
}

// shown are the runs that a page shows.
type shown struct {
	dir  fs.FS
	runs map[string]*measured
}

// functions are those of the template. Those of columns make a row's cells of them.
func (s *shown) functions() template.FuncMap {
	return template.FuncMap{
		"have": s.have, "made": s.made, "each": s.each, "runs": s.columns, "by": s.by, "grown": s.grown, "beside": beside,
		"value": value, "least": least, "ratio": ratio, "against": against, "part": part, "count": count, "factor": factor, "times": times,
	}
}

// have tells whether there is the file of a run.
func (s *shown) have(name string) (bool, error) {
	_, err := fs.Stat(s.dir, name+extension)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (s *shown) measured(name string) (*measured, error) {
	if m := s.runs[name]; m != nil {
		return m, nil
	}
	m, err := read(s.dir, name)
	s.runs[name] = m
	return m, err
}

// made says what made the figures of runs: a command, of a commit, on a machine.
func (s *shown) made(names ...string) (string, error) {
	var out []string
	for _, name := range names {
		m, err := s.measured(name)
		if err != nil {
			return "", err
		}
		low, high, err := m.load()
		if err != nil {
			return "", err
		}
		load := fmt.Sprintf("%.1f", low)
		if most := fmt.Sprintf("%.1f", high); most != load {
			load += " to " + most
		}
		out = append(out, fmt.Sprintf("- [%s](benchmarks/%s%s): `%s`, commit `%s`, %s; %s; load %s",
			name, name, extension, m.run.text("command"), m.run.text("commit"), m.run.text("date"), m.run.text("machine"), load))
	}
	return strings.Join(out, "\n"), nil
}

// each are the values that a member has in a run's lines, as they come.
func (s *shown) each(name, member string) (values []string, err error) {
	m, err := s.measured(name)
	if err != nil {
		return nil, err
	}
	for _, l := range m.lines {
		if v := l.text(member); v != "" && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("%s%s: no line has %q", name, extension, member)
	}
	return values, nil
}

// columns are runs, a column each.
func (s *shown) columns(names ...string) ([]column, error) {
	var out []column
	for _, name := range names {
		m, err := s.measured(name)
		if err != nil {
			return nil, err
		}
		out = append(out, column{run: m})
	}
	return out, nil
}

// grown is a figure of one run in those of another.
func (s *shown) grown(figure, name, of string) (string, error) {
	all, err := s.columns(name, of)
	if err != nil {
		return "", err
	}
	var values [2]float64
	for i, c := range all {
		l, err := c.find(figure, nil)
		if err != nil {
			return "", err
		}
		if values[i], err = l.number("value"); err != nil {
			return "", err
		}
	}
	return by(values[0] / values[1]), nil
}

// by are the lines of one run by a member, a column each value.
func (s *shown) by(name, member string, values ...string) ([]column, error) {
	m, err := s.measured(name)
	if err != nil {
		return nil, err
	}
	var out []column
	for _, v := range values {
		out = append(out, column{m, []string{member + "=" + v}})
	}
	return out, nil
}

// beside are columns with others to the right of them.
func beside(left, right []column) []column { return slices.Concat(left, right) }
