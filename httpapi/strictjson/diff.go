package strictjson

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
)

// Op is one operation of a JSON Patch (RFC 6902).
type Op struct {
	Op    string // add, remove, replace
	Path  string
	Value any // of add and replace, which may be null
}

// MarshalJSON implements json.Marshaler.
func (p Op) MarshalJSON() ([]byte, error) {
	m := map[string]any{"op": p.Op, "path": p.Path}
	if p.Op != "remove" {
		m["value"] = p.Value
	}
	return json.Marshal(m)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Op) UnmarshalJSON(b []byte) error {
	var m struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	err := json.Unmarshal(b, &m)
	*p = Op(m)
	return err
}

// Diff leads from one JSON value, as of Values, to another. Arrays of objects that
// have ids and are sorted by them are compared element by element, others as a whole.
func Diff(from, to any) []Op { return patchOf("", from, to) }

func patchOf(at string, from, to any) []Op {
	if reflect.DeepEqual(from, to) {
		return nil
	}
	switch from := from.(type) {
	case map[string]any:
		if to, ok := to.(map[string]any); ok {
			return patchObject(at, from, to)
		}
	case []any:
		if to, ok := to.([]any); ok && sortedByID(from) && sortedByID(to) {
			return patchArray(at, from, to)
		}
	}
	return []Op{{"replace", at, to}}
}

func patchObject(at string, from, to map[string]any) []Op {
	var ops []Op
	for _, name := range slices.Sorted(maps.Keys(from)) {
		here := at + secgroup.Pointer(name)
		if v, ok := to[name]; ok {
			ops = append(ops, patchOf(here, from[name], v)...)
		} else {
			ops = append(ops, Op{"remove", here, nil})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(to)) {
		if _, ok := from[name]; !ok {
			ops = append(ops, Op{"add", at + secgroup.Pointer(name), to[name]})
		}
	}
	return ops
}

// patchArray walks both arrays; i is the place in the array as the operations
// so far leave it.
func patchArray(at string, from, to []any) []Op {
	var ops []Op
	for i := 0; len(from) > 0 || len(to) > 0; {
		here := at + secgroup.Pointer(i)
		var order int
		switch {
		case len(from) == 0:
			order = 1
		case len(to) == 0:
			order = -1
		default:
			order = strings.Compare(idOf(from[0]), idOf(to[0]))
		}
		switch {
		case order < 0:
			ops = append(ops, Op{"remove", here, nil})
			from = from[1:]
			continue
		case order > 0:
			ops = append(ops, Op{"add", here, to[0]})
		default:
			ops = append(ops, patchOf(here, from[0], to[0])...)
			from = from[1:]
		}
		to = to[1:]
		i++
	}
	return ops
}

func idOf(v any) string {
	m, _ := v.(map[string]any)
	id, _ := m["id"].(string)
	return id
}

// sortedByID reports whether all elements have ids, in strictly rising order.
func sortedByID(items []any) bool {
	last := ""
	for _, v := range items {
		id := idOf(v)
		if id <= last {
			return false
		}
		last = id
	}
	return true
}
