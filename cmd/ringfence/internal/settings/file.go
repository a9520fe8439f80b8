package settings

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// File is a configuration file.
type File struct {
	path     string
	settings []setting
	faults   []Fault // found while reading
}

// setting is one key with its value, as it is written.
type setting struct {
	name   string
	line   int
	values []string
	list   bool
}

// Fault is one thing wrong with a file.
type Fault struct {
	Line int    `json:"line"` // 0: the file as a whole
	Text string `json:"text"`
}

// Faults is all that is wrong with a file.
type Faults struct {
	Path string
	List []Fault
}

// Error names the file and each line.
func (f *Faults) Error() string {
	if len(f.List) == 1 {
		at := f.Path
		if f.List[0].Line > 0 {
			at = fmt.Sprintf("%s:%d", f.Path, f.List[0].Line)
		}
		return at + ": " + f.List[0].Text
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s has %d faults", f.Path, len(f.List))
	for _, fault := range f.List {
		if fault.Line > 0 {
			fmt.Fprintf(&b, "\n  line %d: %s", fault.Line, fault.Text)
		} else {
			fmt.Fprintf(&b, "\n  %s", fault.Text)
		}
	}
	return b.String()
}

// Read reads a file. What is wrong with its YAML is an error; what is wrong with
// single keys is told by Check, with the rest.
func Read(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path}
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, &Faults{path, []Fault{syntaxFault(err)}}
	}
	if len(parsed.Docs) > 1 {
		return nil, &Faults{path, []Fault{{parsed.Docs[1].Start.Position.Line, "a second document: the file has one"}}}
	}
	if len(parsed.Docs) == 0 || parsed.Docs[0].Body == nil {
		return f, nil // nothing but comments
	}
	switch body := parsed.Docs[0].Body.(type) {
	case *ast.MappingNode:
		for _, v := range body.Values {
			f.add(v)
		}
	case *ast.CommentGroupNode, *ast.NullNode:
	default:
		return nil, &Faults{path, []Fault{{body.GetToken().Position.Line, "want lines such as \"listen: 127.0.0.1:8080\""}}}
	}
	return f, nil
}

// duplicate is how the parser says that a key is there twice.
var duplicate = regexp.MustCompile(`^mapping key "(.*)" already defined at \[(\d+):\d+\]$`)

// syntaxFault is what the parser says, without its picture of the place.
func syntaxFault(err error) Fault {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) {
		return Fault{0, err.Error()}
	}
	line := 0
	if syntax.Token != nil {
		line = syntax.Token.Position.Line
	}
	if m := duplicate.FindStringSubmatch(syntax.Message); m != nil {
		return Fault{line, fmt.Sprintf("%s is there twice, first in line %s", m[1], m[2])}
	}
	return Fault{line, "this is no YAML: " + syntax.Message}
}

// add takes in one key.
func (f *File) add(v *ast.MappingValueNode) {
	s := setting{name: v.Key.GetToken().Value, line: v.Key.GetToken().Position.Line}
	fault := func(text string) { f.faults = append(f.faults, Fault{s.line, s.name + ": " + text}) }
	items := []ast.Node{v.Value}
	if list, ok := v.Value.(*ast.SequenceNode); ok {
		items, s.list = list.Values, true
	}
	for _, item := range items {
		switch item.(type) {
		case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
			s.values = append(s.values, item.GetToken().Value) // as it is written: 0640 stays 0640
		case *ast.NullNode:
			fault("it has no value: give one, or leave the line out")
			return
		case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
			fault("want a plain value, or a list of them")
			return
		default: // anchors, aliases, tags, blocks of text
			fault("want a plain value: what it has here is YAML that a configuration has no use for")
			return
		}
	}
	f.settings = append(f.settings, s)
}

func (f *File) find(name string) (setting, bool) {
	i := slices.IndexFunc(f.settings, func(s setting) bool { return s.name == name })
	if i < 0 {
		return setting{}, false
	}
	return f.settings[i], true
}

// Check holds the file against the flags of a command. The error is a *Faults.
func (f *File) Check(command *kong.Node) error {
	faults := slices.Clone(f.faults)
	for _, s := range f.settings {
		if text := s.fault(command); text != "" {
			faults = append(faults, Fault{s.line, text})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return a.Line - b.Line })
	return &Faults{f.path, faults}
}

// Knows counts the keys of the file that a command has flags for.
func (f *File) Knows(command *kong.Node) (n int) {
	for _, s := range f.settings {
		if flagNamed(command, s.name) != nil {
			n++
		}
	}
	return n
}
