package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// printer writes a command's result: tables for people, JSON for programs.
type printer struct {
	w        io.Writer
	json     bool
	terminal bool
	colour   bool
}

func newPrinter(w io.Writer, asJSON bool) *printer {
	f, ok := w.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd()))
	return &printer{w: w, json: asJSON, terminal: terminal, colour: terminal && os.Getenv("NO_COLOR") == ""}
}

// raw prints the API's own JSON: as it came, or indented on a terminal.
func (p *printer) raw(doc json.RawMessage) {
	doc = bytes.TrimSpace(doc)
	if len(doc) == 0 {
		return
	}
	if p.terminal {
		var b bytes.Buffer
		if json.Indent(&b, doc, "", "  ") == nil {
			doc = b.Bytes()
		}
	}
	fmt.Fprintf(p.w, "%s\n", doc)
}

// value prints as JSON what is not the API's own.
func (p *printer) value(v any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	p.raw(doc)
	return nil
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// A style is a colour's SGR code (ECMA-48); plain is none.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

// paint returns text in a style, on terminals only.
func (p *printer) paint(s style, text string) string {
	if !p.colour || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// cell is one field of a table.
type cell struct {
	text  string
	style style
}

func text(s string) cell { return cell{text: s} }

func yesNo(yes bool) cell {
	if yes {
		return cell{"yes", green}
	}
	return cell{"no", red}
}

// table prints aligned columns under a header. An empty field shows as "-".
func (p *printer) table(header []string, rows [][]cell) {
	width := make([]int, len(header))
	for i, h := range header {
		width[i] = utf8.RuneCountInString(h)
	}
	for _, row := range rows {
		for i := range row {
			if row[i].text == "" {
				row[i] = cell{"-", dim}
			}
			width[i] = max(width[i], utf8.RuneCountInString(row[i].text))
		}
	}
	head := make([]cell, len(header))
	for i, h := range header {
		head[i] = cell{h, bold}
	}
	p.row(head, width)
	for _, row := range rows {
		p.row(row, width)
	}
}

func (p *printer) row(row []cell, width []int) {
	var b strings.Builder
	for i, c := range row {
		b.WriteString(p.paint(c.style, c.text))
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(c.text)+2))
		}
	}
	fmt.Fprintln(p.w, b.String())
}

// properties prints one object: a name and a value a line. Pairs without a
// value are left out.
func (p *printer) properties(pairs ...[2]string) {
	width := 0
	for _, kv := range pairs {
		if kv[1] != "" {
			width = max(width, utf8.RuneCountInString(kv[0]))
		}
	}
	for _, kv := range pairs {
		if kv[1] != "" {
			pad := strings.Repeat(" ", width-utf8.RuneCountInString(kv[0])+2)
			fmt.Fprintf(p.w, "%s%s%s\n", p.paint(bold, kv[0]), pad, kv[1])
		}
	}
}
