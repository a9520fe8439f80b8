package wire

import (
	"errors"
	"reflect"
	"testing"

	"github.com/ringfence/ringfence/openflow"
)

// FuzzDecode holds that what decodes encodes again, to something that decodes
// to the same.
func FuzzDecode(f *testing.F) {
	var seeds []Message
	for _, c := range wireCases {
		seeds = append(seeds, c.message)
	}
	for _, text := range sampleFlows(f) {
		seeds = append(seeds, AddFlow(mustFlow(text)))
	}
	for _, m := range seeds {
		b, err := Append(nil, 1, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		xid, m, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Append(nil, xid, m)
		if errors.Is(err, openflow.ErrTooLong) {
			return
		}
		if err != nil {
			t.Fatalf("Append(%+v): %v", m, err)
		}
		_, m2, err := Decode(again)
		if err != nil || !reflect.DeepEqual(m, m2) {
			t.Fatalf("%x: %+v becomes %+v, %v", b, m, m2, err)
		}
	})
}
