package ovsdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Value is the content of a column: a set of atoms or a map from atoms to
// atoms. A scalar is a set of one, an optional column a set of none or one
// (RFC 7047 §3.2). Keys are sorted, so equal values look equal.
type Value struct {
	keys  []Atom
	vals  []Atom // of a map: as many as keys
	isMap bool
}

// Scalar is a value of one atom.
func Scalar(a Atom) Value { return Value{keys: []Atom{a}} }

// Set is a set of distinct atoms.
func Set(atoms ...Atom) Value {
	v := Value{keys: slices.Clone(atoms)}
	slices.SortFunc(v.keys, compareAtoms)
	v.keys = slices.Compact(v.keys)
	return v
}

// Strings is a set of strings.
func Strings(s ...string) Value {
	atoms := make([]Atom, len(s))
	for i := range s {
		atoms[i] = String(s[i])
	}
	return Set(atoms...)
}

// StringMap is a map from strings to strings.
func StringMap(m map[string]string) Value {
	v := Value{isMap: true}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v.keys, v.vals = append(v.keys, String(k)), append(v.vals, String(m[k]))
	}
	return v
}

// Map is a map with a single entry.
func Map(key, value Atom) Value {
	return Value{isMap: true, keys: []Atom{key}, vals: []Atom{value}}
}

// Len is the number of atoms or entries.
func (v Value) Len() int { return len(v.keys) }

// Equal compares two values.
func (v Value) Equal(w Value) bool {
	return v.isMap == w.isMap && slices.Equal(v.keys, w.keys) && slices.Equal(v.vals, w.vals)
}

// Text is the string of a scalar or optional column; empty if unset.
func (v Value) Text() string {
	if len(v.keys) != 1 {
		return ""
	}
	return v.keys[0].s
}

// Int is the integer of a scalar or optional column.
func (v Value) Int() (n int64, ok bool) {
	if len(v.keys) != 1 || v.keys[0].kind != KindInteger {
		return 0, false
	}
	return v.keys[0].n, true
}

// Texts are the strings of a set, sorted.
func (v Value) Texts() []string {
	var s []string
	for _, a := range v.keys {
		s = append(s, a.s)
	}
	return s
}

// Refs are the rows that a set refers to, sorted.
func (v Value) Refs() []UUID {
	var u []UUID
	for _, a := range v.keys {
		u = append(u, UUID(a.s))
	}
	return u
}

// TextMap is a map from strings to strings, never nil.
func (v Value) TextMap() map[string]string {
	m := make(map[string]string, len(v.keys))
	for i := range v.vals {
		m[v.keys[i].s] = v.vals[i].s
	}
	return m
}

// IntRefs is a map from integers to rows.
func (v Value) IntRefs() map[int64]UUID {
	m := make(map[int64]UUID, len(v.keys))
	for i := range v.vals {
		m[v.keys[i].n] = UUID(v.vals[i].s)
	}
	return m
}

// MarshalJSON writes a <value>: an <atom>, ["set", […]] or ["map", [[…]…]].
func (v Value) MarshalJSON() ([]byte, error) {
	if v.isMap {
		pairs := make([][2]Atom, len(v.keys))
		for i := range v.keys {
			pairs[i] = [2]Atom{v.keys[i], v.vals[i]}
		}
		return json.Marshal([2]any{"map", pairs})
	}
	if len(v.keys) == 1 {
		return json.Marshal(v.keys[0])
	}
	return json.Marshal([2]any{"set", append([]Atom{}, v.keys...)})
}

// decodeValue reads a <value> of the given type from JSON decoded with
// UseNumber. sized says that it must have a size that the type allows, which
// a difference in an update does not.
func decodeValue(v any, t ColumnType, sized bool) (Value, error) {
	var out Value
	var err error
	switch list, tag := tagged(v); {
	case t.IsMap() && tag == "map":
		out, err = decodeMap(list, t)
	case t.IsMap():
		return Value{}, fmt.Errorf("%s is no map", brief(v))
	case tag == "set":
		out, err = decodeSet(list, t)
	default:
		var a Atom
		a, err = decodeAtom(v, t.Key)
		out = Scalar(a)
	}
	if err != nil {
		return Value{}, err
	}
	if sized && (len(out.keys) < t.Min || t.Max != Unlimited && len(out.keys) > t.Max) {
		return Value{}, fmt.Errorf("%d elements, where %s are allowed", len(out.keys), t.sizes())
	}
	return out, nil
}

// tagged splits ["set", […]] and ["map", […]].
func tagged(v any) (list []any, tag string) {
	pair, ok := v.([]any)
	if !ok || len(pair) != 2 {
		return nil, ""
	}
	tag, _ = pair[0].(string)
	list, ok = pair[1].([]any)
	if !ok || tag != "set" && tag != "map" {
		return nil, ""
	}
	return list, tag
}

func decodeSet(list []any, t ColumnType) (Value, error) {
	atoms := make([]Atom, len(list))
	for i, e := range list {
		a, err := decodeAtom(e, t.Key)
		if err != nil {
			return Value{}, err
		}
		atoms[i] = a
	}
	v := Set(atoms...)
	if len(v.keys) != len(list) {
		return Value{}, errors.New("an element is in the set twice")
	}
	return v, nil
}

func decodeMap(list []any, t ColumnType) (Value, error) {
	m := make(map[Atom]Atom, len(list))
	for _, e := range list {
		pair, ok := e.([]any)
		if !ok || len(pair) != 2 {
			return Value{}, fmt.Errorf("%s is no pair", brief(e))
		}
		key, err := decodeAtom(pair[0], t.Key)
		if err != nil {
			return Value{}, err
		}
		val, err := decodeAtom(pair[1], t.Val)
		if err != nil {
			return Value{}, err
		}
		if _, twice := m[key]; twice {
			return Value{}, fmt.Errorf("key %s is in the map twice", brief(pair[0]))
		}
		m[key] = val
	}
	return mapValue(m), nil
}

func mapValue(m map[Atom]Atom) Value {
	v := Value{isMap: true, keys: slices.SortedFunc(maps.Keys(m), compareAtoms)}
	for _, k := range v.keys {
		v.vals = append(v.vals, m[k])
	}
	return v
}

// apply returns v after a modify of an update2 or update3 notification, which
// for columns that may hold several elements is a difference
// (ovsdb-server(7) §4.1.14, ovsdb_datum_apply_diff() in lib/ovsdb-data.c).
func (v Value) apply(diff Value, t ColumnType) (Value, error) {
	out := diff
	if t.Max == Unlimited || t.Max > 1 {
		m := make(map[Atom]Atom, len(v.keys)+len(diff.keys))
		for i, k := range v.keys {
			m[k] = v.val(i)
		}
		for i, k := range diff.keys {
			if old, has := m[k]; has && old == diff.val(i) {
				delete(m, k)
			} else {
				m[k] = diff.val(i)
			}
		}
		out = mapValue(m)
		if !t.IsMap() {
			out.isMap, out.vals = false, nil
		}
	}
	if len(out.keys) < t.Min || t.Max != Unlimited && len(out.keys) > t.Max {
		return Value{}, fmt.Errorf("%d elements after the change, where %s are allowed", len(out.keys), t.sizes())
	}
	return out, nil
}

// val is the value beside key i; of a set the zero Atom.
func (v Value) val(i int) Atom {
	if v.isMap {
		return v.vals[i]
	}
	return Atom{}
}
