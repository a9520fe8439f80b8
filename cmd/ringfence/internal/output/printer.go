package output

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// Printer writes a command's result: tables for people, the API's documents for
// programs.
type Printer struct {
	w         io.Writer
	format    Format
	Documents bool     // the format is one of documents, not of tables
	columns   []string // of a list, if they were chosen
	printed   int      // documents, so far
	terminal  bool
	colour    bool
}

// NewPrinter prints in a format; columns are those of a list, if they were chosen.
func NewPrinter(w io.Writer, format Format, columns []string) *Printer {
	terminal := IsTerminal(w)
	return &Printer{
		w: w, format: format, Documents: format.ofDocuments(), columns: columns,
		terminal: terminal, colour: terminal && os.Getenv("NO_COLOR") == "",
	}
}

// IsTerminal reports whether somebody watches what is written there.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Line prints a line.
func (p *Printer) Line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// A Style is a colour's SGR code (ECMA-48); plain is none.
type Style string

// The styles.
const (
	Plain  Style = ""
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
)

// Paint returns text in a style, on terminals only.
func (p *Printer) Paint(s Style, text string) string {
	if !p.colour || s == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// Properties prints one object: a name and a value a line. Pairs without a
// value are left out.
func (p *Printer) Properties(pairs ...[2]string) {
	width := 0
	for _, kv := range pairs {
		if kv[1] != "" {
			width = max(width, utf8.RuneCountInString(kv[0]))
		}
	}
	for _, kv := range pairs {
		if kv[1] != "" {
			pad := strings.Repeat(" ", width-utf8.RuneCountInString(kv[0])+2)
			fmt.Fprintf(p.w, "%s%s%s\n", p.Paint(Bold, kv[0]), pad, kv[1])
		}
	}
}

// Outdated says before a table how old it is, if it is stale.
func (p *Printer) Outdated(stale bool, age time.Duration) {
	if stale {
		p.Line("%s the store was last heard of %s ago; this is what was known then", p.Paint(Yellow, "stale"), age.Round(time.Second))
	}
}
