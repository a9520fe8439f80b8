package strictjson

import (
	"bytes"
	"encoding/json"

	"github.com/ringfence/ringfence/secgroup"
)

// Encode is the one way values become JSON.
func Encode(v any) ([]byte, error) {
	if a, ok := v.(Appender); ok {
		return append(a.AppendJSON(make([]byte, 0, 1024)), '\n'), nil
	}
	return encode(v)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// WithMembers adds the members of an object to a body that is one, or nil.
func WithMembers(body []byte, also any) ([]byte, error) {
	more, err := Encode(also)
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

// Edit applies a patch, which is an object, to a document and reads the result.
func Edit[T any](document any, patch *Node, read func(*Reader, *Node) T) (out T, faults secgroup.Faults) {
	r := &Reader{}
	body, err := Encode(document)
	if err != nil {
		r.Invalid("", "the object cannot be patched")
		return out, r.Faults
	}
	now, _, err := Parse(body)
	if err != nil {
		r.Invalid("", "the object cannot be patched")
		return out, r.Faults
	}
	out = read(r, merge(now, patch))
	return out, r.Faults
}
