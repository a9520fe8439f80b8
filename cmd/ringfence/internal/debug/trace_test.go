package debug

import (
	"testing"

	"github.com/ringfence/ringfence/client"
)

// A table that looks at one thing after another is named once, and again where
// the packet comes back to it.
func TestPathText(t *testing.T) {
	t.Parallel()
	steps := []client.TraceStep{{TableName: "entry"}, {TableName: "mac"}, {TableName: "mac"}, {TableName: "mac"},
		{TableName: "state", CTState: "new|trk"}, {TableName: "state", CTState: "est|trk"}, {TableName: "mac"}, {TableName: "mac", Kind: "miss"}}
	want := "entry → mac → ct(new|trk) → state → ct(est|trk) → state → mac → mac (no match)"
	if got := pathText(steps); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
