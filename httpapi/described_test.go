package httpapi

import (
	"fmt"
	"slices"
	"testing"
)

// Whoever reads the API's description, or what generators make of it, is told of
// every operation, parameter, schema and property what it is.
func TestEverythingIsDescribed(t *testing.T) {
	t.Parallel()
	d := describe(t)
	seen := 0
	need := func(what string, v any) {
		t.Helper()
		seen++
		// A reference may say itself what it is here, or leave that to its schema.
		own, _ := v.(map[string]any)["description"].(string)
		if text, _ := d.get(v, "description").(string); own == "" && text == "" {
			t.Errorf("%s has no description", what)
		}
	}
	for path, item := range d.get(d.doc, "paths").(map[string]any) {
		for method, op := range item.(map[string]any) {
			if method != "parameters" {
				need(method+" "+path, op)
			}
		}
	}
	for _, kind := range []string{"parameters", "headers", "responses", "schemas"} {
		for name, v := range d.get(d.doc, "components", kind).(map[string]any) {
			need(name, v)
			if kind == "schemas" { // answers are made of them
				eachProperty(v, name, need)
			}
		}
	}
	if seen < 500 {
		t.Errorf("looked at %d places: looking in the wrong ones", seen)
	}
}

// What a body may carry because answers do is not looked at: its schema holds it to
// nothing, or what is accepted would not be described.
func TestWhatIsIgnoredMayBeAnything(t *testing.T) {
	t.Parallel()
	d := describe(t)
	seen := 0
	eachProperty(d.get(d.doc, "components", "schemas"), "schemas", func(where string, v any) {
		if d.get(v, "readOnly") != true {
			return
		}
		seen++
		for key := range v.(map[string]any) {
			if key != "readOnly" && key != "description" {
				t.Errorf("%s is ignored, and is held to its %s", where, key)
			}
		}
	})
	if seen == 0 {
		t.Error("nothing is ignored: looking in the wrong places")
	}
}

// eachProperty calls f with every property in a schema, and in those inside it.
func eachProperty(v any, where string, f func(string, any)) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			switch key {
			case "example", "examples", "enum", "required":
				continue // values, not schemas
			case "properties":
				for name, property := range inner.(map[string]any) {
					f(where+"."+name, property)
				}
			}
			eachProperty(inner, where+"."+key, f)
		}
	case []any:
		for i, inner := range v {
			eachProperty(inner, fmt.Sprintf("%s.%d", where, i), f)
		}
	}
}

// YAML takes {description: before, and after} for two keys, of which the second
// has no value: the text is cut.
func TestNoTextIsCutByAComma(t *testing.T) {
	t.Parallel()
	var look func(v any, where string)
	look = func(v any, where string) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				if slices.Contains([]string{"example", "examples"}, key) {
					continue
				}
				if inner == nil {
					t.Errorf("%s: %q is a key without a value", where, key)
				}
				look(inner, where+"."+key)
			}
		case []any:
			for i, inner := range v {
				look(inner, fmt.Sprintf("%s.%d", where, i))
			}
		}
	}
	look(describe(t).doc, "")
}

// Generators make a type of every component: two of one name would be one type.
func TestComponentsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	d := describe(t)
	of := map[string]string{}
	for kind, list := range d.get(d.doc, "components").(map[string]any) {
		for name := range list.(map[string]any) {
			if other, taken := of[name]; taken {
				t.Errorf("%s is one of the %s, and of the %s", name, other, kind)
			}
			of[name] = kind
		}
	}
}
