package httpapi

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/ringfence/ringfence/secgroup"
)

// The bounds of what one body may hold, so that none of 2 MiB costs much more
// than another.
const (
	maxFaults = 500  // noted; more of them help nobody
	maxItems  = 1000 // of a list of names or addresses
)

// reading collects the faults of a body while its values are read.
type reading struct{ faults secgroup.Faults }

func (r *reading) fault(at, code, detail string) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, secgroup.Fault{Pointer: at, Code: code, Detail: detail})
	}
}

// items returns the elements of an array, none if it is not one or is too long.
func (r *reading) items(n *node, at string, limit int) []*node {
	if !r.is(n, kindArray, at) {
		return nil
	}
	if len(n.items) > limit {
		r.fault(at, secgroup.CodeOutOfRange, fmt.Sprintf("has %d elements, may have %d", len(n.items), limit))
		return nil
	}
	return n.items
}

func (r *reading) invalid(at, detail string) { r.fault(at, secgroup.CodeInvalidValue, detail) }

// is reports whether n is of kind k; if not, that is a fault.
func (r *reading) is(n *node, k kind, at string) bool {
	if n.kind != k {
		r.invalid(at, fmt.Sprintf("is %v, must be %v", n.kind, k))
	}
	return n.kind == k
}

// object is a JSON object being read. Fields not asked for are unknown.
type object struct {
	*reading
	at    string
	n     *node
	known []string
}

// object starts to read n; of anything but an object it sees no fields.
func (r *reading) object(n *node, at string) *object {
	if !r.is(n, kindObject, at) {
		n = &node{kind: kindObject}
	}
	return &object{reading: r, at: at, n: n}
}

func (o *object) pointer(name string) string { return o.at + secgroup.Pointer(name) }

// take returns the field's value, nil if it is absent or null.
func (o *object) take(name string) *node {
	o.known = append(o.known, name)
	if v := o.n.get(name); v != nil && v.kind != kindNull {
		return v
	}
	return nil
}

// has reports whether a field is given, null or not.
func (o *object) has(name string) bool { return o.n.get(name) != nil }

// null reports whether a field is given as null.
func (o *object) null(name string) bool {
	v := o.n.get(name)
	return v != nil && v.kind == kindNull
}

// readOnly accepts fields that answers have and requests need not repeat.
func (o *object) readOnly(names ...string) { o.known = append(o.known, names...) }

// fixed reads a field that may be given only as what it is anyway.
func (o *object) fixed(name, value string) {
	v := o.take(name)
	if v == nil || !o.is(v, kindString, o.pointer(name)) {
		return
	}
	switch {
	case value == "":
		o.invalid(o.pointer(name), "is chosen by the server here; PUT takes one of your own")
	case v.text != value:
		o.invalid(o.pointer(name), fmt.Sprintf("is %q by the request's path", value))
	}
}

// close ends the reading: what was not asked for is a fault.
func (o *object) close() {
	for _, f := range o.n.fields {
		if !slices.Contains(o.known, f.name) {
			o.fault(o.pointer(f.name), codeUnknownField, "there is no such field here")
		}
	}
}

// str reads a string, "" if it is absent.
func (o *object) str(name string) string {
	if v := o.take(name); v != nil && o.is(v, kindString, o.pointer(name)) {
		return v.text
	}
	return ""
}

// boolean reads a boolean, nil if it is absent.
func (o *object) boolean(name string) *bool {
	if v := o.take(name); v != nil && o.is(v, kindBool, o.pointer(name)) {
		return &v.truth
	}
	return nil
}

// integer reads a whole number within [low, high].
func (o *object) integer(name string, low, high int64) (value int64, ok bool) {
	v := o.take(name)
	if v == nil {
		return 0, false
	}
	at := o.pointer(name)
	if !o.is(v, kindNumber, at) {
		return 0, false
	}
	i, err := strconv.ParseInt(v.text, 10, 64)
	switch {
	case err != nil && !wholeNumber(v.text):
		o.invalid(at, "must be a whole number, without fraction or exponent")
	case err != nil || i < low || i > high:
		o.fault(at, secgroup.CodeOutOfRange, fmt.Sprintf("must be %d to %d", low, high))
	default:
		return i, true
	}
	return 0, false
}

// wholeNumber reports whether a JSON number is written as an integer.
func wholeNumber(text string) bool {
	for i, c := range text {
		if (c < '0' || c > '9') && (c != '-' || i > 0) {
			return false
		}
	}
	return true
}

// optional reads a whole number that may be -1 for absent.
func (o *object) optional(name string, low, high int64) (value int64, ok bool) {
	if v := o.n.get(name); v != nil && v.kind == kindNumber && v.text == "-1" {
		o.known = append(o.known, name)
		return 0, false
	}
	return o.integer(name, low, high)
}

// list reads the elements of an array, none if it is absent.
func (o *object) list(name string) []*node {
	v := o.take(name)
	if v == nil {
		return nil
	}
	return o.items(v, o.pointer(name), maxItems)
}

// strings reads an array of strings, empty if it is absent. Its length is that
// of the array also if there are faults in it.
func (o *object) strings(name string) []string {
	items := o.list(name)
	out := make([]string, len(items))
	for i, item := range items {
		if o.is(item, kindString, o.pointer(name)+secgroup.Pointer(i)) {
			out[i] = item.text
		}
	}
	return out
}

// parsed reads an array of strings that parse understands.
func parsed[T any](o *object, name, what string, parse func(string) (T, error)) []T {
	items := o.list(name)
	out := make([]T, len(items))
	for i, item := range items {
		at := o.pointer(name) + secgroup.Pointer(i)
		if !o.is(item, kindString, at) {
			continue
		}
		p, err := parse(item.text)
		if err != nil {
			o.invalid(at, fmt.Sprintf("%q is not %s", item.text, what))
			continue
		}
		out[i] = p
	}
	return out
}

// stringMap reads an object of strings, nil if it is absent.
func (o *object) stringMap(name string) map[string]string {
	v := o.take(name)
	if v == nil || !o.is(v, kindObject, o.pointer(name)) {
		return nil
	}
	out := make(map[string]string, len(v.fields))
	for _, f := range v.fields {
		if o.is(f.value, kindString, o.pointer(name)+secgroup.Pointer(f.name)) {
			out[f.name] = f.value.text
		}
	}
	return out
}
