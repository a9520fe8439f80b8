package shape

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/ringfence/ringfence/httpapi/strictjson"
)

// TestNICWritesItself: a NIC appends what encoding/json makes of it, whatever is in it.
func TestNICWritesItself(t *testing.T) {
	t.Parallel()
	type fields NIC // without the method
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		var n NIC
		fill(r, reflect.ValueOf(&n).Elem())
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(fields(n)); err != nil {
			t.Fatal(err)
		}
		if got, err := strictjson.Encode(n); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("appends %s, want %s (%v)", got, want.Bytes(), err)
		}
	}
}

// fill gives all fields random values; slices are arrays in answers, never null.
func fill(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		texts := []string{"", "web", `a "quoted" \ one`, "<&>", "é\u2028 \x01\n", "\xff", "02:00:00:00:00:01"}
		v.SetString(texts[r.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int64:
		v.SetInt(r.Int64() - r.Int64())
	case reflect.Pointer:
		if r.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(4), 4))
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(r, field)
		}
	default:
		panic("a field of kind " + v.Kind().String())
	}
}
