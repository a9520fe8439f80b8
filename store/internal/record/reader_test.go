package record_test

import (
	"fmt"
	"reflect"
	"testing"
	"unsafe"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/record"
)

// TestAReaderReadsEachAsAlone: whatever a Reader has read before, and whatever was wrong
// with it, it reads the next record as one that has read nothing.
func TestAReaderReadsEachAsAlone(t *testing.T) {
	t.Parallel()
	values := []string{
		`{"v":1,"account":"a","network":"n","mac":"02:00:00:00:00:01","addresses":["10.0.0.1"]}`,
		`{"v":1,"account":"a","network":"n","mac":"02:00:00:00:00:02","later":7}`,
		`{"v":1,"account":"a","network":"n","mac":"02:00:00:00:00:03"} {"v":1}`,
		`{"v":1,"account":"a","network":"n","mac":"02:00:00:00:00:04"`,
		"\t{\"v\":1,\"account\":\"a\",\"network\":\"n\",\"mac\":\"02:00:00:00:00:05\"}\n",
		`{"v":9}`, `null`, `7`, ``, ` `, `{"v":1,"account":7}`,
		`{"v":1,"account":"a","network":"n","mac":"nonsense"}`,
	}
	read := func(r *record.Reader, i int) string {
		o, more, err := r.Object(secgroup.NICKey(fmt.Sprint("nic-", i)), 5, []byte(values[i]))
		return fmt.Sprintf("%+v %+v %v", o, more, err)
	}
	for first := range values {
		for second := range values {
			var r record.Reader
			read(&r, first)
			if got, want := read(&r, second), read(new(record.Reader), second); got != want {
				t.Errorf("%q after %q:\n%s\nalone:\n%s", values[second], values[first], got, want)
			}
		}
	}
}

// TestWordsAreHeldOnce: of two records that say the same, what a Reader made has one word.
func TestWordsAreHeldOnce(t *testing.T) {
	t.Parallel()
	var r record.Reader
	nic := func(id string) *secgroup.NIC {
		o, more, err := r.Object(secgroup.NICKey(id), 5, []byte(`{"v":1,"account":"an account","network":"a network","mac":"02:00:00:00:00:01"}`))
		if err != nil || more != nil {
			t.Fatal(more, err)
		}
		return o.(*secgroup.NIC)
	}
	a, b := nic("a"), nic("b")
	if b.ID = a.ID; !reflect.DeepEqual(a, b) || unsafe.StringData(a.Account) != unsafe.StringData(b.Account) || unsafe.StringData(a.Network) != unsafe.StringData(b.Network) {
		t.Errorf("%+v and %+v do not share their words", a, b)
	}
	key := "a long key/" + a.ID
	o, _, err := r.Object(secgroup.NICKey(key[len(key)-1:]), 5, []byte(`{"v":1,"account":"an account","network":"a network","mac":"02:00:00:00:00:01"}`))
	if err != nil || unsafe.StringData(o.(*secgroup.NIC).ID) == unsafe.StringData(key[len(key)-1:]) {
		t.Errorf("%+v, %v: its id is a part of the key", o, err)
	}
}
