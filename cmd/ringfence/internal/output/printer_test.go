package output

import (
	"bytes"
	"testing"
)

func TestTableAligns(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := NewPrinter(&b, "", nil)
	p.Table([]string{"ID", "GROUPS"}, [][]Cell{{Text("größer"), Text("")}, {Cell{"x", Red}, YesNo(true)}})
	want := "ID      GROUPS\ngrößer  -\nx       yes\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
	b.Reset()
	p.Properties([2]string{"id", "a"}, [2]string{"nothing", ""}, [2]string{"longer", "b"})
	if want := "id      a\nlonger  b\n"; b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
}

// Colours do not move columns.
func TestColoursKeepTheWidth(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := &Printer{w: &b, colour: true}
	p.Table([]string{"A", "B"}, [][]Cell{{YesNo(false), Text("x")}})
	want := "\x1b[1mA\x1b[0m   \x1b[1mB\x1b[0m\n\x1b[31mno\x1b[0m  x\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", &b, want)
	}
}

// Programs get the document as it came, people get it indented.
func TestRawJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		terminal  bool
		doc, want string
	}{
		{false, "{\"a\":1}\n\n", "{\"a\":1}\n"},
		{true, `{"a":1}`, "{\n  \"a\": 1\n}\n"},
		{false, "", ""},
	} {
		var b bytes.Buffer
		(&Printer{w: &b, terminal: c.terminal}).Raw([]byte(c.doc))
		if b.String() != c.want {
			t.Errorf("raw(%q) on terminal %v: %q, want %q", c.doc, c.terminal, &b, c.want)
		}
	}
}
