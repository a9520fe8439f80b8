package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// noted is an option that writes these notes.
func noted(notes ...NoteWrite) UpdateOption {
	return WithNotes(func(*snapshot, changes) ([]NoteWrite, error) { return notes, nil })
}

func names(notes []Note) string {
	var all []string
	for _, n := range notes {
		all = append(all, n.Name)
	}
	return strings.Join(all, " ")
}

// A note is written with the policy, or not at all.
func TestNotesAreWrittenWithThePolicy(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		rev := mustUpdate(t, s, put(account("a")), noted(NoteWrite{Name: "audit/1", Value: []byte("made a")}, NoteWrite{Name: "audit/2"}))
		mustUpdate(t, s, put(), noted(NoteWrite{Name: "audit/3"}))
		n, ok, err := s.Note(t.Context(), "audit/1")
		if err != nil || !ok || string(n.Value) != "made a" || n.Revision != rev {
			t.Errorf("note %+v, %t, %v; want revision %d", n, ok, err, rev)
		}
		if _, ok, err := s.Note(t.Context(), "audit/3"); ok || err != nil {
			t.Errorf("a note without a change is there: %t, %v", ok, err)
		}
		later := mustUpdate(t, s, put(), noted(NoteWrite{Name: "audit/4", Always: true}))
		if later <= rev {
			t.Errorf("a note that is always written has revision %d, after %d", later, rev)
		}
	})
}

// Of many who write one note once, one does, and of its change nothing is lost.
func TestNotesThatAreWrittenOnce(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s, other := open(t, e.config()), open(t, e.config())
		var wg sync.WaitGroup
		var mu sync.Mutex
		made := map[string]int64{}
		for i := range 8 {
			wg.Go(func() {
				id := fmt.Sprint("a", i)
				rev, err := []*Store{s, other}[i%2].Update(within(t, patience), put(account(id)), noted(NoteWrite{Name: "once", Value: []byte(id), Once: true}))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					made[id] = rev
				} else if !errors.Is(err, ErrNoteTaken) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		n, _, err := s.Note(t.Context(), "once")
		if err != nil || len(made) != 1 || made[string(n.Value)] != n.Revision {
			t.Errorf("made %v, note %q of %d: %v", made, n.Value, n.Revision, err)
		}
		rev := mustUpdate(t, s, put(account("later")), noted(NoteWrite{Name: "once", Value: []byte("again"), Once: true, Over: n.Revision}))
		if n, _, _ = s.Note(t.Context(), "once"); string(n.Value) != "again" || n.Revision != rev {
			t.Errorf("note is %q of %d", n.Value, n.Revision)
		}
	})
}

func TestNotesAreListedAndTrimmed(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		for i := range 7 {
			mustUpdate(t, s, put(account(fmt.Sprint("a", i))), noted(NoteWrite{Name: fmt.Sprint("log/", i)}, NoteWrite{Name: "other/1"}))
		}
		list := func(after string, limit int) string {
			t.Helper()
			n, err := s.Notes(t.Context(), "log/", after, limit)
			if err != nil {
				t.Fatal(err)
			}
			return names(n)
		}
		if got := list("", 3); got != "log/0 log/1 log/2" {
			t.Error(got)
		}
		if got := list("log/4", 3); got != "log/5 log/6" {
			t.Error(got)
		}
		for _, keep := range []int{9, 4, 4} {
			if err := s.TrimNotes(t.Context(), "log/", keep); err != nil {
				t.Fatal(err)
			}
		}
		if got := list("", 9); got != "log/0 log/1 log/2 log/3" {
			t.Error(got)
		}
		if _, ok, _ := s.Note(t.Context(), "other/1"); !ok {
			t.Error("a note of another prefix is trimmed")
		}
	})
}

// Notes go when their time is over, and one lease serves many of them.
func TestNotesAreKeptForATime(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a")), noted(NoteWrite{Name: "minute", Keep: time.Minute}, NoteWrite{Name: "long", Keep: time.Hour}))
		mustUpdate(t, s, put(account("b")), noted(NoteWrite{Name: "long too", Keep: time.Hour}))
		r, err := s.link.Client.Leases(t.Context())
		if err != nil || len(r.Leases) != 2 {
			t.Errorf("leases %v, %v; want two", r.Leases, err)
		}
		// One that etcd has dropped is replaced.
		for _, l := range r.Leases {
			if _, err := s.link.Client.Revoke(t.Context(), l.ID); err != nil {
				t.Fatal(err)
			}
		}
		// A second is over soon: no other note may rest on a lease of so little.
		mustUpdate(t, s, put(account("c")), noted(NoteWrite{Name: "short", Keep: time.Second}, NoteWrite{Name: "minute", Keep: time.Minute}, NoteWrite{Name: "long", Keep: time.Hour}))
		waitUntil(t, "the short note is gone", func() bool {
			_, short, err := s.Note(t.Context(), "short")
			if err != nil {
				t.Fatal(err)
			}
			return !short
		})
		if _, long, err := s.Note(t.Context(), "long"); !long || err != nil {
			t.Errorf("%t, %v", long, err)
		}
	})
}

// Compaction takes the history, and no note: the first and the last of a log
// are there after it, for a process that starts later too.
func TestNotesOutliveCompaction(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		var want []string
		for i := range 5 {
			name := fmt.Sprintf("audit/%d", i)
			mustUpdate(t, s, put(account(fmt.Sprint("a", i))), noted(NoteWrite{Name: name, Value: []byte(name), Keep: time.Hour}))
			want = append(want, name)
		}
		compact(t, e.config())
		for _, at := range []*Store{s, open(t, e.config())} {
			notes, err := at.Notes(t.Context(), "audit/", "", 10)
			if err != nil || names(notes) != strings.Join(want, " ") {
				t.Errorf("%s, %v", names(notes), err)
			}
			if n, ok, err := at.Note(t.Context(), "audit/0"); err != nil || !ok || string(n.Value) != "audit/0" {
				t.Errorf("%+v, %t, %v", n, ok, err)
			}
		}
	})
}
