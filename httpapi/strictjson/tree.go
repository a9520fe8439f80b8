package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/ringfence/ringfence/secgroup"
)

// Kind is the type of a JSON value.
type Kind byte

// The types of JSON values.
const (
	KindNull Kind = iota
	kindBool
	KindNumber
	KindString
	KindArray
	KindObject
)

func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Node is a JSON value as it was written: fields in order, numbers as text.
type Node struct {
	Kind   Kind
	Text   string // of a string or number
	True   bool
	Items  []*Node
	Fields []Field
}

// Field is a name of an object with its value.
type Field struct {
	Name  string
	Value *Node
}

// Get returns the field's value, or nil.
func (n *Node) Get(name string) *Node {
	for i := range n.Fields {
		if n.Fields[i].Name == name {
			return n.Fields[i].Value
		}
	}
	return nil
}

// maxDepth bounds the nesting of a request body.
const maxDepth = 32

// Codes of the faults of a body's form.
const (
	CodeMalformed    = "malformed-json"
	CodeUnknownField = "unknown-field"
)

// Malformed says in what a body is no JSON, or none that is taken here.
type Malformed string

func (e Malformed) Error() string { return string(e) }

// Parse reads one JSON value (RFC 8259) and nothing after it. The error is a
// Malformed. A name that an object has twice is a fault; the first value counts.
func Parse(body []byte) (*Node, secgroup.Faults, error) {
	if !utf8.Valid(body) {
		return nil, nil, Malformed("the body is not UTF-8")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil, Malformed("the body is empty")
	}
	// The token reader below is lenient in places where Unmarshal is not.
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		detail := err.Error()
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			detail = fmt.Sprintf("%v, at byte %d", err, syntax.Offset)
		}
		return nil, nil, Malformed(detail)
	}
	if at := loneSurrogate(body); at >= 0 {
		return nil, nil, Malformed(fmt.Sprintf("half of a surrogate pair without the other, at byte %d", at))
	}
	p := parser{dec: json.NewDecoder(bytes.NewReader(body))}
	p.dec.UseNumber()
	n, err := p.value("", 0)
	if err != nil {
		return nil, nil, Malformed(err.Error())
	}
	return n, p.faults, nil
}

type parser struct {
	dec    *json.Decoder
	faults secgroup.Faults
}

func (p *parser) value(at string, depth int) (*Node, error) {
	if depth > maxDepth {
		return nil, errors.New("nested too deeply at " + at)
	}
	token, err := p.dec.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	switch t := token.(type) {
	case bool:
		return &Node{Kind: kindBool, True: t}, nil
	case json.Number:
		return &Node{Kind: KindNumber, Text: t.String()}, nil
	case string:
		return &Node{Kind: KindString, Text: t}, nil
	case json.Delim:
		if t == '[' {
			return p.array(at, depth)
		}
		return p.object(at, depth)
	}
	return &Node{}, nil
}

func (p *parser) array(at string, depth int) (*Node, error) {
	n := &Node{Kind: KindArray}
	for p.dec.More() {
		item, err := p.value(at+"/"+strconv.Itoa(len(n.Items)), depth+1)
		if err != nil {
			return nil, err
		}
		n.Items = append(n.Items, item)
	}
	_, err := p.dec.Token()
	return n, err
}

func (p *parser) object(at string, depth int) (*Node, error) {
	n := &Node{Kind: KindObject}
	seen := map[string]struct{}{}
	for p.dec.More() {
		token, err := p.dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		here := at + secgroup.Pointer(name)
		v, err := p.value(here, depth+1)
		if err != nil {
			return nil, err
		}
		if _, twice := seen[name]; twice {
			if len(p.faults) < MaxFaults {
				p.faults = append(p.faults, secgroup.Fault{Pointer: here, Code: CodeMalformed, Detail: "the name is there twice"})
			}
			continue
		}
		seen[name] = struct{}{}
		n.Fields = append(n.Fields, Field{name, v})
	}
	_, err := p.dec.Token()
	return n, err
}

// merge applies a JSON Merge Patch to a value (RFC 7396, section 2).
func merge(target, patch *Node) *Node {
	if patch.Kind != KindObject {
		return patch
	}
	out := &Node{Kind: KindObject}
	if target != nil && target.Kind == KindObject {
		for _, f := range target.Fields {
			change := patch.Get(f.Name)
			switch {
			case change == nil:
				out.Fields = append(out.Fields, f)
			case change.Kind != KindNull:
				out.Fields = append(out.Fields, Field{f.Name, merge(f.Value, change)})
			}
		}
	}
	for _, f := range patch.Fields {
		if f.Value.Kind != KindNull && (target == nil || target.Get(f.Name) == nil) {
			out.Fields = append(out.Fields, Field{f.Name, merge(nil, f.Value)})
		}
	}
	return out
}
