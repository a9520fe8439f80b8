package record

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Rest is what a record says in fields that this version does not know. It is
// kept beside the object and written back with it, so that a newer version
// finds again what it wrote.
type Rest struct {
	fields map[string]json.RawMessage
	// items are the same for the elements of a list, by the list's field and
	// the identity of the element.
	items     map[string]map[string]map[string]json.RawMessage
	minReader Level
}

// identities say by which fields the elements of a list are told apart.
var identities = map[string][]string{
	"rules":     {"id"},
	"shares":    {"account"},
	"addresses": {"address", "protocol", "port"},
}

// restOf is what a record, which has been decoded into record, says besides.
func restOf(value []byte, record headed) (*Rest, error) {
	t := reflect.TypeOf(record).Elem()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(value, &all); err != nil {
		return nil, err
	}
	r := &Rest{fields: unknown(all, t), items: map[string]map[string]map[string]json.RawMessage{}, minReader: record.Head().MinReader}
	for name, element := range lists(t) {
		for id, item := range elements(all[name], identities[name]) {
			if more := unknown(item, element); len(more) > 0 {
				if r.items[name] == nil {
					r.items[name] = map[string]map[string]json.RawMessage{}
				}
				r.items[name][id] = more
			}
		}
	}
	return r, nil
}

// Into adds the rest to a record that is about to be written: to what is still
// there of it. An unknown field is something that the first versions refuse.
func (r *Rest) Into(value string) (string, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(value), &all); err != nil {
		return "", err
	}
	var h Header
	if err := json.Unmarshal([]byte(value), &h); err != nil {
		return "", err
	}
	maps.Copy(all, r.fields)
	for name, of := range r.items {
		var list []map[string]json.RawMessage
		if all[name] == nil {
			continue
		}
		if err := json.Unmarshal(all[name], &list); err != nil {
			return "", err
		}
		for _, item := range list {
			maps.Copy(item, of[identity(item, identities[name])])
		}
		b, err := json.Marshal(list)
		if err != nil {
			return "", err
		}
		all[name] = b
	}
	h.need(max(r.minReader, LevelContract))
	b, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(b, &all); err != nil { // the header's fields over the others
		return "", err
	}
	b, err = json.Marshal(all)
	return string(b), err
}

// unknown are the fields that a record or an element of type t does not have.
func unknown(all map[string]json.RawMessage, t reflect.Type) map[string]json.RawMessage {
	names := map[string]reflect.Type{}
	fieldsOf(t, names)
	known := slices.Collect(maps.Keys(names))
	more := map[string]json.RawMessage{}
	for name, v := range all {
		// encoding/json takes a name in whatever case.
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
			more[name] = v
		}
	}
	return more
}

// lists are the fields of a record that hold elements with an identity.
func lists(t reflect.Type) map[string]reflect.Type {
	names := map[string]reflect.Type{}
	fieldsOf(t, names)
	maps.DeleteFunc(names, func(name string, f reflect.Type) bool {
		return identities[name] == nil || f.Kind() != reflect.Slice || f.Elem().Kind() != reflect.Struct
	})
	for name, f := range names {
		names[name] = f.Elem()
	}
	return names
}

// fieldsOf collects the JSON fields of a struct.
func fieldsOf(t reflect.Type, into map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			fieldsOf(f.Type, into)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		into[name] = f.Type
	}
}

// elements are those of a list that are objects, by their identity.
func elements(list json.RawMessage, by []string) map[string]map[string]json.RawMessage {
	var all []map[string]json.RawMessage
	if json.Unmarshal(list, &all) != nil { // a list of addresses, say
		return nil
	}
	out := map[string]map[string]json.RawMessage{}
	for _, item := range all {
		out[identity(item, by)] = item
	}
	return out
}

func identity(item map[string]json.RawMessage, by []string) string {
	var parts []string
	for _, name := range by {
		parts = append(parts, string(item[name]))
	}
	return strings.Join(parts, " ")
}
