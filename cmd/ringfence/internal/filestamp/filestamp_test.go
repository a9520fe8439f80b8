package filestamp

import (
	"os"
	"path/filepath"
	"testing"
)

// A change is told once, when the file has come to rest.
func TestChangesAreToldOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write("a")
	w := Watched{Path: path}
	w.Take()
	looks := func(when string, want ...bool) {
		t.Helper()
		for i, want := range want {
			if got := w.Changed(false); got != want {
				t.Errorf("%s: look %d says %t, want %t", when, i+1, got, want)
			}
		}
	}
	looks("as it was", false, false)
	write("ab")
	looks("written", false, true, false, false)
	write("abc")
	looks("being written", false)
	write("abcd")
	looks("still being written", false, true, false)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	looks("gone", false, false)
	write("abcde")
	looks("there again", false, true, false)
	write("f")
	w.Take()
	looks("taken", false, false)
	write("gh")
	if !w.Changed(true) || w.Changed(true) {
		t.Error("a change is to be told at once, and once")
	}
}
