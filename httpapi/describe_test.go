package httpapi

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// described is the API's description, ready to check requests and answers.
type described struct {
	doc      map[string]any
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
}

// description is loaded once for all tests.
var description = sync.OnceValues(func() (*described, error) {
	body, err := openAPIJSON()
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	d := &described{doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	d.compiler.AssertFormat()
	return d, d.compiler.AddResource("urn:openapi", doc)
})

func describe(tb testing.TB) *described {
	tb.Helper()
	d, err := description()
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// get follows field names, through references.
func (d *described) get(v any, path ...string) any {
	for {
		m, _ := v.(map[string]any)
		if ref, ok := m["$ref"].(string); ok {
			v = d.get(d.doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
			continue
		}
		if len(path) == 0 {
			return v
		}
		if v = m[path[0]]; v == nil {
			return nil
		}
		path = path[1:]
	}
}

// operation finds what describes a request.
func (d *described) operation(method, path string) (name string, op any) {
	paths := d.get(d.doc, "paths").(map[string]any)
	given := strings.Split(path, "/")
	for template := range paths {
		parts := strings.Split(template, "/")
		fits := len(parts) == len(given)
		for i := 0; fits && i < len(parts); i++ {
			fits = strings.HasPrefix(parts[i], "{") || parts[i] == given[i]
		}
		if fits {
			return template, d.get(paths[template], strings.ToLower(method))
		}
	}
	return "", nil
}

// check validates JSON against a schema, which is at a place in the document.
func (d *described) check(schema any, body []byte) error {
	ref, ok := schema.(map[string]any)["$ref"].(string)
	if !ok {
		return fmt.Errorf("schema is not a reference: %v", schema)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.schemas[ref]
	if s == nil {
		if s, err = d.compiler.Compile("urn:openapi" + ref); err != nil {
			return err
		}
		d.schemas[ref] = s
	}
	return s.Validate(v)
}
