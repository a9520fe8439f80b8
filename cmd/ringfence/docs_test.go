package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// Pages show commands and flags that there are, and link to what is there.
func TestDocumentsAreTrue(t *testing.T) {
	t.Parallel()
	const root = "../.."
	var pages []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" && d.Name() != "CHANGELOG.md" { // which tells of what is no more
			pages = append(pages, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	parser, _ := newParser(&cli{}, output.Stdio{Out: io.Discard, Err: io.Discard})
	program := parser.Model.Node
	commands, links := 0, 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range shownCommands(string(text)) {
			commands++
			if fault := commandFault(program, line); fault != "" {
				t.Errorf("%s: %q: %s", page, line, fault)
			}
		}
		for _, link := range linksOf(string(text)) {
			links++
			if fault := linkFault(page, link); fault != "" {
				t.Errorf("%s: link %s: %s", page, link, fault)
			}
		}
	}
	if commands < 60 || links < 30 {
		t.Errorf("%d commands and %d links: looking in the wrong place", commands, links)
	}
	for line, want := range map[string]string{
		"ringfence group lst": "lst", "ringfence nic put n1 --colour red": "--colour", "ringfence status --wait 10s": "", "ringfence sg ls": "",
		"ringfence nic show web-1": "", "ringfence … --wait": "",
	} {
		if fault := commandFault(program, line); (fault == "") != (want == "") || !strings.Contains(fault, want) {
			t.Errorf("%q: fault %q, want %q", line, fault, want)
		}
	}
}

// shown is a command within a line of a shell, or within `…`.
var shown = regexp.MustCompile(`(?:^|[ (|&;#$>"'` + "`" + `]|bin/)(ringfence [^` + "`" + `|;&#)>'"]*)`)

// shownCommands are the command lines of a page: of its blocks of code and of what
// it quotes.
func shownCommands(text string) (out []string) {
	block := false
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			block = !block
			continue
		}
		if block && !strings.HasPrefix(strings.TrimLeft(line, "# $"), "ringfence ") {
			continue // what a command prints
		}
		spans := []string{line}
		if !block {
			spans = nil
			for i, part := range strings.Split(line, "`") {
				if i%2 == 1 && strings.HasPrefix(part, "ringfence ") {
					spans = append(spans, part)
				}
			}
		}
		for _, span := range spans {
			for _, m := range shown.FindAllStringSubmatch(span, -1) {
				out = append(out, strings.TrimSpace(m[1]))
			}
		}
	}
	return out
}

// commandFault says what of a command line there is not: its command, a subcommand
// or a flag.
func commandFault(node *kong.Node, line string) string {
	value := false
	for _, w := range strings.Fields(line)[1:] {
		w = strings.Trim(w, "[].,:")
		switch {
		case value:
			value = false
		case strings.HasPrefix(w, "-") && len(w) > 1:
			name, _, hasValue := strings.Cut(w, "=")
			f := flagOf(node, name)
			if f == nil {
				return "no flag " + name
			}
			value = !hasValue && !f.IsBool()
		case len(node.Children) == 0:
		case !isWord(w):
			return "" // it stands for any
		default:
			var child *kong.Node
			for one := range strings.SplitSeq(w, "|") { // create|list|revoke
				if child = childNamed(node, one); child == nil {
					return "no command " + one
				}
			}
			if node = child; strings.Contains(w, "|") {
				return ""
			}
		}
	}
	return ""
}

// flagOf finds a flag of a command or of those above it, also one that help does
// not show.
func flagOf(n *kong.Node, word string) *kong.Flag {
	for ; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			names := append([]string{f.Name}, f.Aliases...)
			if f.Tag.Negatable != "" {
				names = append(names, "no-"+f.Name)
			}
			if f.Short != 0 && strings.HasPrefix(word, "-"+string(f.Short)) || slices.Contains(names, strings.TrimPrefix(word, "--")) {
				return f
			}
		}
	}
	return nil
}

// isWord reports whether a word may be a command: not what stands for one.
func isWord(w string) bool {
	return w != "" && strings.IndexFunc(w, func(r rune) bool { return !unicode.IsLower(r) && r != '-' && r != '|' }) < 0
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func linksOf(text string) (out []string) {
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(m[1], "://") && !strings.HasPrefix(m[1], "mailto:") {
			out = append(out, m[1])
		}
	}
	return out
}

// linkFault says what a link leads to that is not there.
func linkFault(page, to string) string {
	path, anchor, _ := strings.Cut(to, "#")
	file := page
	if path != "" {
		file = filepath.Join(filepath.Dir(page), path)
	}
	info, err := os.Stat(file)
	if err != nil {
		return "there is no such file"
	}
	if anchor == "" || info.IsDir() || filepath.Ext(file) != ".md" {
		return ""
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(text)) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") && anchorOf(title) == anchor {
			return ""
		}
	}
	return "there is no such heading"
}

// anchorOf is how a heading is linked to: in lower case, spaces as hyphens, without
// what is neither letter, digit nor hyphen.
func anchorOf(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(title))
}
