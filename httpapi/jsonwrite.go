package httpapi

import (
	"bytes"
	"encoding/json"

	"github.com/ringfence/ringfence/secgroup"
)

// encode is the one way values become JSON.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// withMembers adds the members of an object to a body that is one, or nil.
func withMembers(body []byte, also any) ([]byte, error) {
	more, err := encode(also)
	if err != nil {
		return nil, err
	}
	body, nonempty := bytes.CutSuffix(bytes.TrimSpace(body), []byte("}"))
	if !nonempty || len(body) == 1 {
		return more, nil
	}
	if more = more[1:]; more[0] != '}' {
		body = append(body, ',')
	}
	return append(body, more...), nil
}

// edited applies a patch, which is an object, to a document and reads the result.
func edited[T any](document any, patch *node, read func(*reading, *node) T) (out T, faults secgroup.Faults) {
	r := &reading{}
	body, err := encode(document)
	if err != nil {
		r.invalid("", "the object cannot be patched")
		return out, r.faults
	}
	now, _, err := parseJSON(body)
	if err != nil {
		r.invalid("", "the object cannot be patched")
		return out, r.faults
	}
	out = read(r, merge(now, patch))
	return out, r.faults
}
