package client_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ringfence/ringfence/client"
)

// The client is held to the API's description: every operation has a method,
// whose requests and whose types are what the description says, field by field
// and both ways.

type object = map[string]any

// document is the API's description.
type document struct {
	object
	compiler *jsonschema.Compiler
}

func readDocument(t *testing.T) *document {
	t.Helper()
	text, err := os.ReadFile("../httpapi/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if text, err = yaml.YAMLToJSON(text); err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	d := &document{v.(object), jsonschema.NewCompiler()}
	if err := d.compiler.AddResource("urn:openapi", v); err != nil {
		t.Fatal(err)
	}
	return d
}

// get follows field names, through references.
func (d *document) get(v any, path ...string) any {
	for {
		m, _ := v.(object)
		if ref, ok := m["$ref"].(string); ok {
			v = d.get(d.object, strings.Split(strings.NewReplacer("~1", "/", "~0", "~").Replace(strings.TrimPrefix(ref, "#/")), "/")...)
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

// described is one operation.
type described struct {
	id, method, path string // with the parameters' examples
	at               string // JSON pointer
	op               any
}

func (d *document) operations() []described {
	var all []described
	for path, item := range d.get(d.object, "paths").(object) {
		for method, op := range item.(object) {
			if method == "parameters" {
				continue
			}
			o := described{id: d.get(op, "operationId").(string), method: strings.ToUpper(method), path: path, op: op}
			o.at = "#/paths/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(path) + "/" + method
			params, _ := d.get(item, "parameters").([]any)
			for _, p := range params {
				name := d.get(p, "name").(string)
				value, _ := d.get(p, "example").(string)
				if name == "trace" {
					value = "t-1"
				}
				o.path = strings.Replace(o.path, "{"+name+"}", value, 1)
			}
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b described) int { return strings.Compare(a.id, b.id) })
	return all
}

// properties collects those of a schema and of all it is made of.
func (d *document) properties(schema any) object {
	out := object{}
	m, _ := d.get(schema).(object)
	for _, kind := range []string{"allOf", "anyOf"} {
		parts, _ := m[kind].([]any)
		for _, part := range parts {
			for name, p := range d.properties(part) {
				if had, twice := out[name]; twice { // what they say together
					p = object{"allOf": []any{had, p}}
				}
				out[name] = p
			}
		}
	}
	own, _ := m["properties"].(object)
	for name, p := range own {
		if had, twice := out[name]; twice {
			p = object{"allOf": []any{had, p}}
		}
		out[name] = p
	}
	return out
}

// items is the schema of an array's items, nil if it is none.
func (d *document) items(schema any) any {
	m, _ := d.get(schema).(object)
	if m["items"] != nil {
		return m["items"]
	}
	var found []any
	for _, kind := range []string{"allOf", "anyOf"} {
		parts, _ := m[kind].([]any)
		for _, part := range parts {
			if i := d.items(part); i != nil {
				found = append(found, i)
			}
		}
	}
	if found == nil {
		return nil
	}
	return object{"allOf": found}
}

// fieldsOf lists a struct's JSON fields, those of embedded structs too.
func fieldsOf(typ reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			maps.Copy(out, fieldsOf(f.Type))
		case name != "-" && name != "":
			out[name] = f.Type
		}
	}
	return out
}

// outcome are the fields of answers that are in client.Meta.
var outcome = []string{"stale", "stale_seconds", "effects", "dry_run", "access", "connections_cut", "realization"}

// otherNames are of fields that a request may give in more than one place or
// under more than one name; the client has one of them.
var otherNames = []string{"start_port", "end_port", "egress_policy_default", "egress_open_guard", "quotas"}

// compare walks a type and a schema together.
func (d *document) compare(t *testing.T, at string, schema any, typ reflect.Type, skip ...string) {
	t.Helper()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case typ == reflect.TypeFor[json.RawMessage](), typ.Kind() == reflect.Interface, typ.PkgPath() == "time":
		return
	case typ.Kind() == reflect.Slice:
		if items := d.items(schema); items == nil {
			t.Errorf("%s is a %v, and no array", at, typ)
		} else {
			d.compare(t, at+"[]", items, typ.Elem())
		}
		return
	case typ.Kind() == reflect.Map:
		m, _ := d.get(schema).(object)
		if m["additionalProperties"] != nil {
			d.compare(t, at+"{}", m["additionalProperties"], typ.Elem())
		}
		return
	case typ.Kind() != reflect.Struct:
		if m, _ := d.get(schema).(object); len(d.properties(schema)) > 0 && m["anyOf"] == nil {
			t.Errorf("%s is a %v, and an object", at, typ)
		}
		return
	}
	props, fields := d.properties(schema), fieldsOf(typ)
	for name, p := range props {
		m, _ := d.get(p).(object)
		if slices.Contains(skip, name) || slices.Contains(otherNames, name) && fields[name] == nil || m["readOnly"] == true || len(m) == 0 {
			continue
		}
		if fields[name] == nil {
			t.Errorf("%s: %v has no field for %s", at, typ, name)
			continue
		}
		d.compare(t, at+"/"+name, p, fields[name])
	}
	for name := range fields {
		if props[name] == nil {
			t.Errorf("%s: %v has a field %s, which is not described", at, typ, name)
		}
	}
}

// recorder answers every request with the description's example.
type recorder struct {
	mu     sync.Mutex
	seen   []request
	answer []byte
	status int
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body bytes.Buffer
	_, _ = body.ReadFrom(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, request{req.Method, req.URL.EscapedPath(), body.String(), req.Header})
	w.WriteHeader(r.status)
	_, _ = w.Write(r.answer)
}

func TestClientIsWhatTheDocumentDescribes(t *testing.T) {
	d := readDocument(t)
	r := &recorder{}
	server := httptest.NewServer(r)
	defer server.Close()
	c, err := client.New(server.URL, "token")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	named := map[string]bool{}
	for _, op := range d.operations() {
		named[op.id] = true
		call, there := calls[op.id]
		if !there {
			t.Errorf("%s has no method of the client", op.id)
			continue
		}
		t.Run(op.id, func(t *testing.T) {
			status, answer := 204, any(nil)
			for _, s := range []int{200, 201, 204} {
				if response := d.get(op.op, "responses", fmt.Sprint(s)); response != nil {
					status, answer = s, d.get(response, "content", "application/json")
					break
				}
			}
			r.seen, r.status, r.answer = nil, status, nil
			if answer != nil {
				r.answer, _ = json.Marshal(answer.(object)["example"])
			}
			if err := call.do(c); err != nil {
				t.Fatalf("with the example as answer: %v", err)
			}
			if len(r.seen) != 1 || r.seen[0].Method != op.method || r.seen[0].URI != op.path {
				t.Fatalf("asked %+v, want %s %s", r.seen, op.method, op.path)
			}
			d.checkBody(t, op, r.seen[0], call.body)
			if call.answer != nil {
				schema := answer.(object)["schema"]
				if isList(call) {
					schema = d.items(d.properties(schema)["items"])
				}
				d.compare(t, op.id, schema, reflect.TypeOf(call.answer), append(outcome, call.skip...)...)
			}
		})
	}
	for id := range calls {
		if !named[id] {
			t.Errorf("%s is not described", id)
		}
	}
}

// checkBody holds a request's body against the description, and its type.
func (d *document) checkBody(t *testing.T, op described, sent request, spec any) {
	t.Helper()
	media, _ := d.get(op.op, "requestBody", "content", "application/json").(object)
	if media == nil {
		if sent.Body != "" {
			t.Errorf("a body where none is described: %s", sent.Body)
		}
		return
	}
	schema, err := d.compiler.Compile("urn:openapi" + op.at + "/requestBody/content/application~1json/schema")
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(sent.Body))
	if err != nil {
		t.Fatalf("%s: %v", sent.Body, err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%s: %v", sent.Body, err)
	}
	if spec != nil {
		d.compare(t, op.id+" body", media["schema"], reflect.TypeOf(spec))
	}
}

// What is not an answer's object itself is in Meta.
func TestMetaIsWhatTheDocumentDescribes(t *testing.T) {
	d := readDocument(t)
	props := d.properties(object{"$ref": "#/components/schemas/Outcome"})
	for name, typ := range map[string]any{
		"effects": client.Effects{}, "access": client.AccessDiff{}, "connections_cut": client.Connections{}, "realization": client.Realization{}, "dry_run": false,
	} {
		d.compare(t, name, props[name], reflect.TypeOf(typ))
		delete(props, name)
	}
	if len(props) > 0 {
		t.Errorf("Meta has not %v", props)
	}
	d.compare(t, "Problem", object{"$ref": "#/components/schemas/Problem"}, reflect.TypeFor[client.Problem]())
}
