package httpapi

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// conforms checks an answer against the API's description; and the request, if
// it was accepted.
func conforms(tb testing.TB, req *http.Request, sent string, a answer) {
	tb.Helper()
	d := describe(tb)
	_, op := d.operation(req.Method, req.URL.EscapedPath())
	if op == nil {
		if a.status != 404 && a.status != 405 {
			tb.Errorf("%s %s is not described, and is answered %d", req.Method, req.URL.Path, a.status)
		}
		return
	}
	what := fmt.Sprintf("%s %s: %d %s", req.Method, req.URL, a.status, a.raw)
	status, kind := fmt.Sprint(a.status), "application/json"
	if a.status >= 400 {
		kind = "application/problem+json"
	}
	responses := d.get(op, "responses").(map[string]any)
	ref, _ := responses[status].(map[string]any)
	if ref == nil && a.status == http.StatusInternalServerError {
		return // what nobody expects; tests that do not provoke it look at the status
	}
	if ref == nil {
		tb.Errorf("status is not described: %s", what)
		return
	}
	content, _ := d.get(ref, "content").(map[string]any)
	if content == nil {
		if len(a.raw) > 0 {
			tb.Errorf("a body where none is described: %s", what)
		}
		return
	}
	given, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if content["text/plain"] != nil && given == "text/plain" {
		return
	}
	if given != kind {
		tb.Errorf("Content-Type %q, want %q: %s", given, kind, what)
		return
	}
	name := strings.TrimPrefix(ref["$ref"].(string), "#/components/responses/")
	place := map[string]any{"$ref": "#/components/responses/" + name + "/content/" + strings.ReplaceAll(kind, "/", "~1") + "/schema"}
	if err := d.check(place, a.raw); err != nil {
		tb.Errorf("%s\n%v", what, err)
	}
	if schema := d.get(op, "requestBody", "content", "application/json"); schema != nil && a.status < 300 {
		if err := d.check(schema.(map[string]any)["schema"], []byte(sent)); err != nil {
			tb.Errorf("accepted, but not described: %s %s\n%v", what, sent, err)
		}
	}
}

// The routes are the operations of openapi.yaml, with the same parameters.
func TestRoutesAreTheDescribedOperations(t *testing.T) {
	t.Parallel()
	d := describe(t)
	want, got := map[string]string{}, map[string]string{}
	for path, item := range d.get(d.doc, "paths").(map[string]any) {
		for method, op := range item.(map[string]any) {
			if method == "parameters" {
				continue
			}
			var names []string
			params, _ := d.get(op, "parameters").([]any)
			for _, p := range params {
				if d.get(p, "in") == "query" {
					names = append(names, d.get(p, "name").(string))
				}
			}
			slices.Sort(names)
			want[strings.ToUpper(method)+" "+path] = fmt.Sprint(names)
			if len(d.get(op, "summary").(string)) == 0 || d.get(op, "operationId") == nil {
				t.Errorf("%s %s has no summary or operationId", method, path)
			}
		}
	}
	for _, r := range routes() {
		names := slices.Sorted(slices.Values(r.query))
		got[r.method+" "+r.path] = fmt.Sprint(names)
	}
	for op, params := range want {
		if got[op] != params {
			t.Errorf("%s is described with parameters %s, its route has %q", op, params, got[op])
		}
	}
	for op := range got {
		if want[op] == "" {
			t.Errorf("%s is not described", op)
		}
	}
}

// Every path parameter is declared, and every schema compiles.
func TestDescriptionIsWhole(t *testing.T) {
	t.Parallel()
	d := describe(t)
	for path, item := range d.get(d.doc, "paths").(map[string]any) {
		var declared []string
		params, _ := d.get(item, "parameters").([]any)
		for _, p := range params {
			declared = append(declared, d.get(p, "name").(string))
		}
		var named []string
		for part := range strings.SplitSeq(path, "/") {
			if inner, ok := strings.CutPrefix(part, "{"); ok {
				named = append(named, strings.TrimSuffix(inner, "}"))
			}
		}
		if !slices.Equal(declared, named) {
			t.Errorf("%s declares %v", path, declared)
		}
	}
	for _, kind := range []string{"schemas", "responses", "parameters"} {
		for name, v := range d.get(d.doc, "components", kind).(map[string]any) {
			refs(v, func(ref string) {
				if d.get(d.doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...) == nil {
					t.Errorf("%s %s refers to %s, which is not there", kind, name, ref)
				}
			})
			if kind != "schemas" {
				continue
			}
			d.mu.Lock()
			if _, err := d.compiler.Compile("urn:openapi#/components/schemas/" + name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			d.mu.Unlock()
		}
	}
}

// refs calls f with every reference in v.
func refs(v any, f func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if ref, ok := inner.(string); ok && k == "$ref" {
				f(ref)
			}
			refs(inner, f)
		}
	case []any:
		for _, inner := range v {
			refs(inner, f)
		}
	}
}
