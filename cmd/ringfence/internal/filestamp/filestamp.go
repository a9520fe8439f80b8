// Package filestamp tells whether a file is another one than it was.
package filestamp

import "os"

// Stamp is the state of a file, as far as can be told without reading it. The
// zero stamp is that of no file, and like no other.
type Stamp struct{ info os.FileInfo }

// Of looks at a file.
func Of(path string) Stamp {
	info, err := os.Stat(path)
	if err != nil {
		return Stamp{}
	}
	return Stamp{info}
}

// Exists tells whether there was a file.
func (s Stamp) Exists() bool { return s.info != nil }

// Is tells whether two states are the same one.
func (s Stamp) Is(t Stamp) bool {
	return s.info != nil && t.info != nil && os.SameFile(s.info, t.info) && s.info.ModTime().Equal(t.info.ModTime()) && s.info.Size() == t.info.Size()
}

// Watched is a file that is looked at again and again.
type Watched struct {
	Path          string
	taken, looked Stamp
}

// Take says that the file is known as it is now.
func (w *Watched) Take() {
	w.looked = Of(w.Path)
	w.taken = w.looked
}

// Changed looks at the file, and tells once that there is another one than was
// taken: at once, or at the second look that finds it the same, when nobody
// writes it any more. One that is gone for a moment while it is replaced is no
// change.
func (w *Watched) Changed(atOnce bool) bool {
	now, before := Of(w.Path), w.looked
	w.looked = now
	if !now.Exists() || now.Is(w.taken) || !atOnce && !now.Is(before) {
		return false
	}
	w.taken = now
	return true
}
