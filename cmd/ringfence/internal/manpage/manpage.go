// Package manpage makes manual pages (man(7)) of the grammar of a command line:
// one for the program and one for each of its commands, so that they say what
// --help says.
package manpage

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Page is one manual page of section 1.
type Page struct {
	Name string // ringfence-api
	node *kong.Node
	root *kong.Node
}

// Pages returns the pages of a program and of its commands.
func Pages(app *kong.Application) []Page {
	pages := []Page{{app.Name, app.Node, app.Node}}
	for _, c := range app.Children {
		if !c.Hidden {
			pages = append(pages, Page{app.Name + "-" + c.Name, c, app.Node})
		}
	}
	return pages
}

// Write writes the page, of a version of the program.
func (p Page) Write(w io.Writer, version string) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" %s \"Ringfence\"\n", text(strings.ToUpper(p.Name)), text("ringfence "+version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", text(p.Name), text(brief(p.node.Help)))
	b.WriteString(".SH SYNOPSIS\n")
	if p.node == p.root {
		fmt.Fprintf(&b, ".B %s\n.I command\n[\\fIflags\\fR]\n", text(p.Name))
	}
	leaves := p.leaves()
	for i, n := range leaves {
		if p.node == p.root {
			break
		}
		if i > 0 {
			b.WriteString(".br\n")
		}
		fmt.Fprintf(&b, "%s\n", text(p.root.Name+" "+n.Summary()))
	}
	if p.node.Detail != "" {
		b.WriteString(".SH DESCRIPTION\n")
		detail(&b, p.node.Detail)
	}
	switch {
	case p.node == p.root:
		b.WriteString(".SH COMMANDS\n")
		for _, c := range p.node.Children {
			if !c.Hidden {
				fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s\n", text(p.Name+"-"+c.Name), text(c.Help))
			}
		}
		flags(&b, "CLIENT FLAGS", p.root)
	case len(p.node.Children) > 0:
		for _, n := range leaves {
			fmt.Fprintf(&b, ".SH %s\n%s\n", text(strings.ToUpper(path(n))), text(n.Help))
			if n.Detail != "" {
				b.WriteString(".PP\n")
				detail(&b, n.Detail)
			}
			flags(&b, "", n)
		}
	default:
		flags(&b, "FLAGS", p.node)
	}
	b.WriteString(".SH SEE ALSO\n")
	if p.node != p.root {
		fmt.Fprintf(&b, ".BR %s (1)\n", text(p.root.Name))
	} else {
		b.WriteString("https://github.com/ringfence/ringfence\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// path is how a command is called, without its aliases.
func path(n *kong.Node) string {
	if n.Parent == nil {
		return n.Name
	}
	return path(n.Parent) + " " + n.Name
}

// leaves are the commands of a page that do something.
func (p Page) leaves() (out []*kong.Node) {
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		if len(n.Children) == 0 {
			out = append(out, n)
		}
		for _, c := range n.Children {
			if !c.Hidden {
				walk(c)
			}
		}
	}
	walk(p.node)
	return out
}

// flags writes the arguments and flags of a command; those of the program stand
// on its own page.
func flags(b *strings.Builder, title string, n *kong.Node) {
	var items []string
	for _, a := range n.Positional {
		items = append(items, fmt.Sprintf(".TP\n.I %s\n%s\n", text(a.Name), text(a.Help)))
	}
	for _, f := range n.Flags {
		if f.Hidden || f.Name == "help" {
			continue
		}
		name := "--" + f.Name
		switch {
		case f.Tag.Negatable != "":
			name = "--[no-]" + f.Name
		case f.Short != 0:
			name = "-" + string(f.Short) + ", " + name
		}
		line := ".B " + text(name)
		if !f.IsBool() {
			line = ".BI " + text(name) + " \" \" " + text(f.FormatPlaceHolder())
		}
		items = append(items, fmt.Sprintf(".TP\n%s\n%s\n", line, text(f.Help)))
	}
	if len(items) == 0 {
		return
	}
	if title != "" {
		fmt.Fprintf(b, ".SH %s\n", title)
	}
	b.WriteString(strings.Join(items, ""))
}

// detail writes the long help: paragraphs, and lines that are kept as they are
// because they are indented.
func detail(b *strings.Builder, s string) {
	kept := false
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, " ")
		if indented != kept && line != "" {
			if kept = indented; kept {
				b.WriteString(".PP\n.nf\n")
			} else {
				b.WriteString(".fi\n.PP\n")
			}
		}
		if line == "" {
			if !kept {
				b.WriteString(".PP\n")
			}
			continue
		}
		b.WriteString(text(line) + "\n")
	}
	if kept {
		b.WriteString(".fi\n")
	}
}

// brief is help as the NAME section has it: in lower case, without a full stop.
func brief(s string) string {
	s = strings.TrimSuffix(s, ".")
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		s = strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// text escapes what roff would take for its own.
func text(s string) string {
	s = strings.NewReplacer("\\", "\\e", "-", "\\-", "'", "\\(aq", "\"", "\\(dq", "`", "\\(ga", "…", "...", "–", "\\-", "→", "\\->", "×", "x").Replace(s)
	if strings.HasPrefix(s, ".") {
		s = "\\&" + s
	}
	return s
}
