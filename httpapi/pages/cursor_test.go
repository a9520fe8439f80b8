package pages

import "testing"

func FuzzCursor(f *testing.F) {
	f.Add(Cursor{Revision: 5, Mark: "m", After: "a", List: 1}.Encode())
	f.Fuzz(func(t *testing.T, text string) {
		if at, err := DecodeCursor(text, 1); err == nil && (at.Revision <= 0 || at.List != 1) {
			t.Errorf("%q: %+v", text, at)
		}
	})
}
