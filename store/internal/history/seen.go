package history

import (
	"cmp"
	"slices"

	"github.com/ringfence/ringfence/store/internal/record"
)

// maxSeen bounds how many writes are remembered, some 300 kB.
const maxSeen = 4096

// Seen are the latest writes of the history that a process follows, the oldest first.
// The mark of one that was made by other hands than a Store's is "".
type Seen struct{ all []record.Write }

// Clear forgets all writes.
func (s *Seen) Clear() { s.all = nil }

// Add remembers a write that is later than all before.
func (s *Seen) Add(w record.Write) {
	if len(s.all) == 2*maxSeen {
		s.all = append(s.all[:0:0], s.all[maxSeen:]...)
	}
	s.all = append(s.all, w)
}

// Knowledge is what can be said of a write by those that were seen.
type Knowledge uint8

// What can be said of a write.
const (
	Included    Knowledge = iota // it is in the history
	NotIncluded                  // another write has its revision, or none
	TooOld                       // it was before all that is remembered
	NotYet                       // the history has not come there, as far as it is followed
)

// Has says whether a write is in the history. One without a mark is taken by its
// revision alone.
func (s *Seen) Has(w record.Write) Knowledge {
	switch {
	case len(s.all) == 0 || w.Revision > s.all[len(s.all)-1].Revision:
		return NotYet
	case w.Revision < s.all[0].Revision:
		return TooOld
	}
	i, found := s.find(w.Revision)
	if w.Mark == "" || found && (s.all[i].Mark == w.Mark || s.all[i].Mark == "") {
		return Included
	}
	return NotIncluded
}

// MarkAt is the mark of the write at a revision, "" if that is not remembered.
func (s *Seen) MarkAt(rev int64) string {
	i, found := s.find(rev)
	if !found {
		return ""
	}
	return s.all[i].Mark
}

func (s *Seen) find(rev int64) (i int, found bool) {
	return slices.BinarySearchFunc(s.all, rev, func(w record.Write, rev int64) int { return cmp.Compare(w.Revision, rev) })
}

// Latest is the latest write that a mutation made, zero if there is none.
func (s *Seen) Latest() record.Write {
	for _, w := range slices.Backward(s.all) {
		if w.Mark != "" {
			return w
		}
	}
	return record.Write{}
}
