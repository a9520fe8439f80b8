package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"k8s.io/client-go/util/jsonpath"
)

// Format is what --output says: a name, or jsonpath= and a template.
type Format string

const (
	formatTable Format = "table"
	formatWide  Format = "wide"
	formatJSON  Format = "json"
	formatYAML  Format = "yaml"
	formatName  Format = "name"

	jsonpathPrefix = "jsonpath="
)

// Formats are the formats as completion offers them.
var Formats = []Format{formatTable, formatWide, formatJSON, formatYAML, formatName, jsonpathPrefix}

// ofDocuments reports whether the format shows the API's document.
func (f Format) ofDocuments() bool {
	return f != "" && f != formatTable && f != formatWide
}

// UnmarshalText takes in what the command line says.
func (f *Format) UnmarshalText(text []byte) error {
	*f = Format(text)
	switch template, isPath := f.template(); {
	case isPath:
		if err := jsonpath.New("output").Parse(template); err != nil {
			return fmt.Errorf("%s is no template such as jsonpath='{.items[*].id}': %w", text, err)
		}
		return nil
	case *f == formatTable, *f == formatWide, *f == formatJSON, *f == formatYAML, *f == formatName:
		return nil
	}
	return fmt.Errorf("must be one of table, wide, json, yaml, name and jsonpath=TEMPLATE but got %q", text)
}

// template is that of jsonpath=…. Of a bare path kubectl takes it without braces
// and the first dot, too.
func (f Format) template() (string, bool) {
	t, ok := strings.CutPrefix(string(f), jsonpathPrefix)
	if !ok {
		return "", false
	}
	if t != "" && !strings.Contains(t, "{") {
		t = "{." + strings.TrimPrefix(t, ".") + "}"
	}
	return t, true
}

// Raw prints the API's document in the format asked for: JSON as it came, or
// indented on a terminal.
func (p *Printer) Raw(doc json.RawMessage) error {
	doc = bytes.TrimSpace(doc)
	if len(doc) == 0 {
		return nil
	}
	out := []byte(doc)
	var err error
	switch template, isPath := p.format.template(); {
	case isPath:
		out, err = applyTemplate(doc, template)
	case p.format == formatName:
		out, err = documentNames(doc)
	case p.format == formatYAML:
		if out, err = yaml.JSONToYAML(doc); p.printed > 0 {
			out = append([]byte("---\n"), out...)
		}
	case p.terminal:
		var b bytes.Buffer
		if json.Indent(&b, doc, "", "  ") == nil {
			out = b.Bytes()
		}
	}
	if err != nil {
		return fmt.Errorf("--output %s: %w", p.format, err)
	}
	p.printed++
	if out = bytes.TrimRight(out, "\n"); len(out) > 0 {
		fmt.Fprintf(p.w, "%s\n", out)
	}
	return nil
}

// Value prints as a document what is not the API's own.
func (p *Printer) Value(v any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return p.Raw(doc)
}

// applyTemplate shows what a template says of a document. What the document does
// not have is an error: an empty line would say that it is empty.
func applyTemplate(doc json.RawMessage, template string) ([]byte, error) {
	path := jsonpath.New("output")
	if err := path.Parse(template); err != nil {
		return nil, err
	}
	v, err := decodeNumbers(doc)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = path.Execute(&b, v)
	return b.Bytes(), err
}

// decodeNumbers decodes JSON, whole numbers as such: a revision has more digits
// than a float64.
func decodeNumbers(doc json.RawMessage) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return plainNumbers(v), nil
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		if n, err := v.Float64(); err == nil {
			return n
		}
	}
	return v
}

// errNoNames says that -o name has nothing to show.
var errNoNames = errors.New("what this prints has no ids: ask for json")

// documentNames are the ids of a list's items, or the id of an object, a line each.
func documentNames(doc json.RawMessage) ([]byte, error) {
	var object struct {
		ID    string            `json:"id"`
		Items []json.RawMessage `json:"items"`
	}
	items := []json.RawMessage{doc}
	if doc[0] == '[' {
		if err := json.Unmarshal(doc, &items); err != nil {
			return nil, err
		}
	} else if err := json.Unmarshal(doc, &object); err != nil {
		return nil, err
	} else if object.Items != nil {
		items = object.Items
	}
	var b bytes.Buffer
	for _, item := range items {
		object.ID = ""
		if err := json.Unmarshal(item, &object); err != nil || object.ID == "" {
			return nil, errNoNames
		}
		fmt.Fprintln(&b, object.ID)
	}
	return b.Bytes(), nil
}
