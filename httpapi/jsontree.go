package httpapi

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

// kind is the type of a JSON value.
type kind byte

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// node is a JSON value as it was written: fields in order, numbers as text.
type node struct {
	kind   kind
	text   string // of a string or number
	truth  bool
	items  []*node
	fields []field
}

type field struct {
	name  string
	value *node
}

// get returns the field's value, or nil.
func (n *node) get(name string) *node {
	for i := range n.fields {
		if n.fields[i].name == name {
			return n.fields[i].value
		}
	}
	return nil
}

// maxDepth bounds the nesting of a request body.
const maxDepth = 32

// Codes of the faults of a body's form.
const (
	codeMalformedJSON = "malformed-json"
	codeUnknownField  = "unknown-field"
)

// malformedError says in what a body is no JSON, or none that is taken here.
type malformedError string

func (e malformedError) Error() string { return string(e) }

// parseJSON reads one JSON value (RFC 8259) and nothing after it. The error is a
// malformedError. A name that an object has twice is a fault; the first value counts.
func parseJSON(body []byte) (*node, secgroup.Faults, error) {
	if !utf8.Valid(body) {
		return nil, nil, malformedError("the body is not UTF-8")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil, malformedError("the body is empty")
	}
	// The token reader below is lenient in places where Unmarshal is not.
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		detail := err.Error()
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			detail = fmt.Sprintf("%v, at byte %d", err, syntax.Offset)
		}
		return nil, nil, malformedError(detail)
	}
	p := parser{dec: json.NewDecoder(bytes.NewReader(body))}
	p.dec.UseNumber()
	n, err := p.value("", 0)
	if err != nil {
		return nil, nil, malformedError(err.Error())
	}
	return n, p.faults, nil
}

type parser struct {
	dec    *json.Decoder
	faults secgroup.Faults
}

func (p *parser) value(at string, depth int) (*node, error) {
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
		return &node{kind: kindBool, truth: t}, nil
	case json.Number:
		return &node{kind: kindNumber, text: t.String()}, nil
	case string:
		return &node{kind: kindString, text: t}, nil
	case json.Delim:
		if t == '[' {
			return p.array(at, depth)
		}
		return p.object(at, depth)
	}
	return &node{}, nil
}

func (p *parser) array(at string, depth int) (*node, error) {
	n := &node{kind: kindArray}
	for p.dec.More() {
		item, err := p.value(at+"/"+strconv.Itoa(len(n.items)), depth+1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := p.dec.Token()
	return n, err
}

func (p *parser) object(at string, depth int) (*node, error) {
	n := &node{kind: kindObject}
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
			if len(p.faults) < maxFaults {
				p.faults = append(p.faults, secgroup.Fault{Pointer: here, Code: codeMalformedJSON, Detail: "the name is there twice"})
			}
			continue
		}
		seen[name] = struct{}{}
		n.fields = append(n.fields, field{name, v})
	}
	_, err := p.dec.Token()
	return n, err
}

// merge applies a JSON Merge Patch to a value (RFC 7396, section 2).
func merge(target, patch *node) *node {
	if patch.kind != kindObject {
		return patch
	}
	out := &node{kind: kindObject}
	if target != nil && target.kind == kindObject {
		for _, f := range target.fields {
			change := patch.get(f.name)
			switch {
			case change == nil:
				out.fields = append(out.fields, f)
			case change.kind != kindNull:
				out.fields = append(out.fields, field{f.name, merge(f.value, change)})
			}
		}
	}
	for _, f := range patch.fields {
		if f.value.kind != kindNull && (target == nil || target.get(f.name) == nil) {
			out.fields = append(out.fields, field{f.name, merge(nil, f.value)})
		}
	}
	return out
}
