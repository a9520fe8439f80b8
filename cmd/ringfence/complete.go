package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// candidate is something that could stand where the cursor is.
type candidate struct{ value, help string }

// files is the candidate that asks the shell for file names.
var files = candidate{value: ":files"}

// complete prints the candidates for the last of words.
func complete(ctx context.Context, words []string, out io.Writer) {
	if len(words) == 0 {
		words = []string{""}
	}
	var c cli
	parser, _ := newParser(&c, output.Stdio{Out: io.Discard, Err: io.Discard})
	current := words[len(words)-1]
	p := walk(parser.Model.Node, words[:len(words)-1])
	for _, cand := range p.candidates(ctx, current) {
		switch {
		case cand == files:
			fmt.Fprintln(out, cand.value)
		case !strings.HasPrefix(cand.value, current):
		case cand.help == "":
			fmt.Fprintln(out, cand.value)
		default:
			fmt.Fprintf(out, "%s\t%s\n", cand.value, cand.help)
		}
	}
}

// place is where in the grammar the words typed so far have led.
type place struct {
	node    *kong.Node
	args    []string          // positional arguments of node, so far
	flags   map[string]string // flags given so far
	pending *kong.Flag        // the last word is a flag that wants a value
	noFlags bool              // after "--"
}

// walk follows words through the grammar. Words that do not fit it count as
// positional arguments.
func walk(root *kong.Node, words []string) *place {
	p := &place{node: root, flags: map[string]string{}}
	for _, w := range words {
		switch {
		case p.pending != nil:
			p.flags[p.pending.Name], p.pending = w, nil
		case w == "--":
			p.noFlags = true
		case strings.HasPrefix(w, "-") && len(w) > 1 && !p.noFlags:
			p.flag(w)
		default:
			if child := childNamed(p.node, w); child != nil && len(p.args) == 0 {
				p.node = child
			} else {
				p.args = append(p.args, w)
			}
		}
	}
	return p
}

// flag takes in a word that begins with "-".
func (p *place) flag(w string) {
	name, value, hasValue := strings.Cut(w, "=")
	f := p.find(name)
	switch {
	case f == nil:
	case hasValue:
		p.flags[f.Name] = value
	case f.IsBool():
		p.flags[f.Name] = "true"
	case !strings.HasPrefix(w, "--") && len(w) > 2: // -ojson
		p.flags[f.Name] = w[2:]
	default:
		p.pending = f
	}
}

// find finds the flag of a word such as --output, -o or -ojson.
func (p *place) find(word string) *kong.Flag {
	for _, f := range p.known() {
		if word == "--"+f.Name || (f.Short != 0 && strings.HasPrefix(word, "-"+string(f.Short))) {
			return f
		}
	}
	return nil
}

// known returns the flags that may be given here.
func (p *place) known() []*kong.Flag {
	var out []*kong.Flag
	for n := p.node; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if !f.Hidden && (!isClientFlag(f) || !isServer(p.node)) {
				out = append(out, f)
			}
		}
	}
	return out
}

func childNamed(n *kong.Node, word string) *kong.Node {
	for _, child := range n.Children {
		if child.Name == word {
			return child
		}
		if slices.Contains(child.Aliases, word) {
			return child
		}
	}
	return nil
}

// candidates returns what could stand here; the caller filters by prefix.
func (p *place) candidates(ctx context.Context, current string) []candidate {
	if p.pending != nil {
		return p.values(ctx, p.pending.Value)
	}
	if strings.HasPrefix(current, "-") && !p.noFlags {
		if name, _, hasValue := strings.Cut(current, "="); hasValue {
			return p.flagValues(ctx, name)
		}
		return p.unusedFlags()
	}
	var out []candidate
	if len(p.args) == 0 {
		for _, child := range p.node.Children {
			if !child.Hidden {
				out = append(out, candidate{child.Name, child.Help})
			}
		}
	}
	if n := len(p.node.Positional); n > 0 {
		if i := len(p.args); i < n {
			out = append(out, p.values(ctx, p.node.Positional[i])...)
		} else if last := p.node.Positional[n-1]; last.IsCumulative() {
			out = append(out, p.values(ctx, last)...)
		}
	}
	return out
}

// flagValues completes --flag=…
func (p *place) flagValues(ctx context.Context, name string) []candidate {
	f := p.find(name)
	if f == nil {
		return nil
	}
	var out []candidate
	for _, c := range p.values(ctx, f.Value) {
		if c != files {
			c.value = name + "=" + c.value
		}
		out = append(out, c)
	}
	return out
}

// unusedFlags returns the flags that are not given yet, or may be repeated.
func (p *place) unusedFlags() []candidate {
	var out []candidate
	for _, f := range p.known() {
		if _, used := p.flags[f.Name]; !used || f.IsCumulative() {
			out = append(out, candidate{"--" + f.Name, f.Help})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].value < out[j].value })
	return out
}

// values returns the values that a flag or an argument takes, if they are known.
func (p *place) values(ctx context.Context, v *kong.Value) []candidate {
	if v.Enum != "" {
		var out []candidate
		for _, e := range v.EnumSlice() {
			if e != "" {
				out = append(out, candidate{value: e})
			}
		}
		return out
	}
	switch kind := v.Tag.Get("complete"); kind {
	case "":
		return nil
	case "family":
		return []candidate{{value: "any"}, {value: "ipv4"}, {value: "ipv6"}}
	case "output":
		out := make([]candidate, len(output.Formats))
		for i, f := range output.Formats {
			out[i].value = string(f)
		}
		return out
	case "file":
		return []candidate{files}
	case "proto":
		return []candidate{{value: "all"}, {value: "icmp"}, {value: "tcp"}, {value: "udp"}}
	default:
		return p.objects(ctx, kind)
	}
}
