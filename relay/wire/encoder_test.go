package wire

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// TestEncodedOnce: what many hosts are sent is encoded for the first of them, and what
// is kept of that has a bound.
func TestEncodedOnce(t *testing.T) {
	t.Parallel()
	e := NewEncoder(1000)
	times := 0
	field := func(key any, size int) []byte {
		t.Helper()
		b, err := e.field(fieldNetwork, key, func() proto.Message {
			times++
			return &Network{Id: string(slices.Repeat([]byte("n"), size))}
		})
		if err != nil || len(b) < size {
			t.Fatalf("%d bytes of %d, %v", len(b), size, err)
		}
		return b
	}
	for range 5 {
		field("a", 400)
		field("b", 400)
	}
	if times != 2 {
		t.Errorf("two objects were encoded %d times", times)
	}
	field(nil, 10)
	field(nil, 10)
	if times != 4 {
		t.Errorf("objects that are not to be kept were encoded %d times", times-2)
	}
	for i := range 50 {
		field(i, 300)
		field("a", 400) // it is used, and stays
	}
	if times != 4+50 {
		t.Errorf("what is used again and again was encoded %d times", times-4-50)
	}
	kept := 0
	for _, all := range []map[any]*encoded{e.now, e.previous} {
		for _, o := range all {
			kept += len(o.bytes)
		}
	}
	if kept > 2*1000+400 {
		t.Errorf("%d bytes are kept", kept)
	}
	if _, err := e.field(fieldNetwork, "c", func() proto.Message { return &Network{Id: "\xff"} }); err == nil {
		t.Error("what cannot be encoded is no error")
	}
	if _, err := Encode(span.Delta{Networks: map[string]*secgroup.Network{"\xff": {ID: "\xff"}}}, PartSize); err == nil {
		t.Error("a delta that cannot be encoded is no error")
	}
}
