package strictjson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// What Parse takes is JSON, and what it makes of it is the same.
func FuzzParse(f *testing.F) {
	for _, body := range []string{
		`{"name":"web","rules":[{"protocol":17,"start_port":-1,"enabled":true}],"tags":{"a":null}}`,
		`[1,2,[3]]`, `{"a":1,"a":2}`, `{"a":`, `"\ud800"`, `{"port":1e400}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, faults, err := Parse(body)
		var want any
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber() // of any size
		if jsonErr := dec.Decode(&want); err == nil && jsonErr != nil {
			t.Fatalf("%q is not JSON: %v", body, jsonErr)
		}
		if err == nil && len(faults) == 0 && !reflect.DeepEqual(plain(n), normal(want)) {
			t.Errorf("%q is read as %v, want %v", body, plain(n), want)
		}
	})
}

// plain turns a node into what encoding/json makes of it; numbers are text.
func plain(n *Node) any {
	switch n.Kind {
	case kindBool:
		return n.True
	case KindString:
		return n.Text
	case KindNumber:
		return "number"
	case KindArray:
		out := []any{}
		for _, i := range n.Items {
			out = append(out, plain(i))
		}
		return out
	case KindObject:
		out := map[string]any{}
		for _, f := range n.Fields {
			out[f.Name] = plain(f.Value)
		}
		return out
	default:
		return nil
	}
}

func normal(v any) any {
	switch v := v.(type) {
	case json.Number:
		return "number"
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = normal(v[k])
		}
	}
	return v
}
