package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// printer writes a command's result: tables for people, the API's documents for
// programs.
type printer struct {
	w         io.Writer
	format    outputFormat
	documents bool     // the format is one of documents, not of tables
	columns   []string // of a list, if they were chosen
	printed   int      // documents, so far
	terminal  bool
	colour    bool
}

func newPrinter(w io.Writer, g *globals) *printer {
	terminal := isTerminal(w)
	return &printer{
		w: w, format: g.Output, documents: g.Output.ofDocuments(), columns: g.columns,
		terminal: terminal, colour: terminal && os.Getenv("NO_COLOR") == "",
	}
}

// isTerminal reports whether somebody watches what is written there.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
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

// wideTimes are the columns that -o wide shows of objects that tell them.
var wideTimes = []string{"CREATED", "UPDATED", "REVISION"}

// timeCell shows a time, and nothing for none.
func timeCell(t time.Time) cell {
	if t.IsZero() {
		return cell{}
	}
	return text(t.UTC().Format(time.RFC3339))
}

func revisionCell(r int64) cell { return text(strconv.FormatInt(r, 10)) }

func yesNo(yes bool) cell {
	if yes {
		return cell{"yes", green}
	}
	return cell{"no", red}
}

// table prints aligned columns under a header. An empty field shows as "-"; what a
// row has beyond the header is not shown.
func (p *printer) table(header []string, rows [][]cell) {
	width := make([]int, len(header))
	for i, h := range header {
		width[i] = utf8.RuneCountInString(h)
	}
	for _, row := range rows {
		for i := range header {
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
		p.row(row[:len(header)], width)
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
