package strictjson

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/ringfence/ringfence/secgroup"
)

// The bounds of what one body may hold, so that none of 2 MiB costs much more
// than another.
const (
	MaxFaults = 500  // noted; more of them help nobody
	MaxItems  = 1000 // of a list of names or addresses
)

// Reader collects the faults of a body while its values are read.
type Reader struct{ Faults secgroup.Faults }

// Fault takes note of a fault at a pointer, with one of the codes of secgroup or
// of this package.
func (r *Reader) Fault(at, code, detail string) {
	if len(r.Faults) < MaxFaults {
		r.Faults = append(r.Faults, secgroup.Fault{Pointer: at, Code: code, Detail: detail})
	}
}

// Items returns the elements of an array, none if it is not one or is too long.
func (r *Reader) Items(n *Node, at string, limit int) []*Node {
	if !r.Is(n, KindArray, at) {
		return nil
	}
	if len(n.Items) > limit {
		r.Fault(at, secgroup.CodeOutOfRange, fmt.Sprintf("has %d elements, may have %d", len(n.Items), limit))
		return nil
	}
	return n.Items
}

// Invalid takes note of a value that is not valid.
func (r *Reader) Invalid(at, detail string) { r.Fault(at, secgroup.CodeInvalidValue, detail) }

// Is reports whether n is of kind k; if not, that is a fault.
func (r *Reader) Is(n *Node, k Kind, at string) bool {
	if n.Kind != k {
		r.Invalid(at, fmt.Sprintf("is %v, must be %v", n.Kind, k))
	}
	return n.Kind == k
}

// Object is a JSON object being read. Fields not asked for are unknown. It is a Reader
// as well, as whoever reads an object reads the values of its fields, whose faults go
// where the object's own go.
type Object struct {
	*Reader
	at    string
	n     *Node
	known []string
}

// Object starts to read n; of anything but an object it sees no fields.
func (r *Reader) Object(n *Node, at string) *Object {
	if !r.Is(n, KindObject, at) {
		n = &Node{Kind: KindObject}
	}
	return &Object{Reader: r, at: at, n: n}
}

// Pointer is that of a field, whether or not it is there.
func (o *Object) Pointer(name string) string { return o.at + secgroup.Pointer(name) }

// Take returns the field's value, nil if it is absent or null.
func (o *Object) Take(name string) *Node {
	o.known = append(o.known, name)
	if v := o.n.Get(name); v != nil && v.Kind != KindNull {
		return v
	}
	return nil
}

// Has reports whether a field is given, null or not.
func (o *Object) Has(name string) bool { return o.n.Get(name) != nil }

// IsNull reports whether a field is given as null.
func (o *Object) IsNull(name string) bool {
	v := o.n.Get(name)
	return v != nil && v.Kind == KindNull
}

// ReadOnly accepts fields that answers have and requests need not repeat.
func (o *Object) ReadOnly(names ...string) { o.known = append(o.known, names...) }

// Fixed reads a field that may be given only as what it is anyway.
func (o *Object) Fixed(name, value string) {
	v := o.Take(name)
	if v == nil || !o.Is(v, KindString, o.Pointer(name)) {
		return
	}
	switch {
	case value == "":
		o.Invalid(o.Pointer(name), "is chosen by the server here; PUT takes one of your own")
	case v.Text != value:
		o.Invalid(o.Pointer(name), fmt.Sprintf("is %q by the request's path", value))
	}
}

// Close ends the reading: what was not asked for is a fault.
func (o *Object) Close() {
	for _, f := range o.n.Fields {
		if !slices.Contains(o.known, f.Name) {
			o.Fault(o.Pointer(f.Name), CodeUnknownField, "there is no such field here")
		}
	}
}

// Text reads a string, "" if it is absent.
func (o *Object) Text(name string) string {
	if v := o.Take(name); v != nil && o.Is(v, KindString, o.Pointer(name)) {
		return v.Text
	}
	return ""
}

// Bool reads a boolean, nil if it is absent.
func (o *Object) Bool(name string) *bool {
	if v := o.Take(name); v != nil && o.Is(v, kindBool, o.Pointer(name)) {
		return &v.True
	}
	return nil
}

// Int reads a whole number within [low, high].
func (o *Object) Int(name string, low, high int64) (value int64, ok bool) {
	v := o.Take(name)
	if v == nil {
		return 0, false
	}
	at := o.Pointer(name)
	if !o.Is(v, KindNumber, at) {
		return 0, false
	}
	i, err := strconv.ParseInt(v.Text, 10, 64)
	switch {
	case err != nil && !wholeNumber(v.Text):
		o.Invalid(at, "must be a whole number, without fraction or exponent")
	case err != nil || i < low || i > high:
		o.Fault(at, secgroup.CodeOutOfRange, fmt.Sprintf("must be %d to %d", low, high))
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

// OptionalInt reads a whole number that may be -1 for absent.
func (o *Object) OptionalInt(name string, low, high int64) (value int64, ok bool) {
	if v := o.n.Get(name); v != nil && v.Kind == KindNumber && v.Text == "-1" {
		o.known = append(o.known, name)
		return 0, false
	}
	return o.Int(name, low, high)
}

// List reads the elements of an array, none if it is absent.
func (o *Object) List(name string) []*Node {
	v := o.Take(name)
	if v == nil {
		return nil
	}
	return o.Items(v, o.Pointer(name), MaxItems)
}

// Strings reads an array of strings, empty if it is absent. Its length is that
// of the array also if there are faults in it.
func (o *Object) Strings(name string) []string {
	items := o.List(name)
	out := make([]string, len(items))
	for i, item := range items {
		if o.Is(item, KindString, o.Pointer(name)+secgroup.Pointer(i)) {
			out[i] = item.Text
		}
	}
	return out
}

// Parsed reads an array of strings that parse understands.
func Parsed[T any](o *Object, name, what string, parse func(string) (T, error)) []T {
	items := o.List(name)
	out := make([]T, len(items))
	for i, item := range items {
		at := o.Pointer(name) + secgroup.Pointer(i)
		if !o.Is(item, KindString, at) {
			continue
		}
		p, err := parse(item.Text)
		if err != nil {
			o.Invalid(at, fmt.Sprintf("%q is not %s", item.Text, what))
			continue
		}
		out[i] = p
	}
	return out
}

// StringMap reads an object of strings, nil if it is absent.
func (o *Object) StringMap(name string) map[string]string {
	v := o.Take(name)
	if v == nil || !o.Is(v, KindObject, o.Pointer(name)) {
		return nil
	}
	out := make(map[string]string, len(v.Fields))
	for _, f := range v.Fields {
		if o.Is(f.Value, KindString, o.Pointer(name)+secgroup.Pointer(f.Name)) {
			out[f.Name] = f.Value.Text
		}
	}
	return out
}
