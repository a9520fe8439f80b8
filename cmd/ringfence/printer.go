package main

import (
	"fmt"
	"io"
	"os"
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

// newPrinter prints in a format; columns are those of a list, if they were chosen.
func newPrinter(w io.Writer, format outputFormat, columns []string) *printer {
	terminal := isTerminal(w)
	return &printer{
		w: w, format: format, documents: format.ofDocuments(), columns: columns,
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

// outdated says before a table how old it is, if it is stale.
func (p *printer) outdated(stale bool, age time.Duration) {
	if stale {
		p.line("%s the store was last heard of %s ago; this is what was known then", p.paint(yellow, "stale"), age.Round(time.Second))
	}
}
