package faults

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// values is a set of a slot's values.
type values uint32

func only(v int) values            { return 1 << v }
func (s values) has(v int) bool    { return s>>v&1 != 0 }
func (s values) with(v int) values { return s | only(v) }

// Book keeps which values each slot may have at what time, by what the API has
// acknowledged. It is safe for concurrent use; the writes of one slot must come
// one after the other.
type Book struct {
	mu       sync.Mutex
	slots    []account
	revision int64     // the highest acknowledged one
	restored time.Time // when the store was put back last
}

// account is the book's page of one slot.
type account struct {
	enforced []span    // which values hosts may enforce, over time; the last one is now
	stored   values    // which values the store may have
	sent     time.Time // when the last write was sent
	journal  []entry
}

// entry is one line about a slot, for people.
type entry struct {
	at   time.Time
	text string
}

// span says since when what may be.
type span struct {
	since time.Time
	may   values
}

// NewBook opens a book; all slots have their first value.
func NewBook(slots int, at time.Time) *Book {
	b := &Book{slots: make([]account, slots)}
	for i := range b.slots {
		b.slots[i] = account{enforced: []span{{at, only(0)}}, stored: only(0)}
	}
	return b
}

// enforce notes what may be enforced from a time on.
func (a *account) enforce(at time.Time, may values) {
	if last := a.enforced[len(a.enforced)-1]; last.may != may {
		a.enforced = append(a.enforced, span{at, may})
	}
}

func (a *account) note(at time.Time, format string, args ...any) {
	a.journal = append(a.journal, entry{at, fmt.Sprintf(format, args...)})
}

func (a *account) now() values { return a.enforced[len(a.enforced)-1].may }

// Sent notes a write that is about to be sent: from now on it may be in force.
func (b *Book) Sent(slot, value int, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := &b.slots[slot]
	a.sent, a.stored = at, a.stored.with(value)
	a.enforce(at, a.now().with(value))
	a.note(at, "%d is asked for", value)
}

// Acknowledged notes that the API has said that a write is made, and whether
// it said that every host has applied it. Earlier writes whose outcome is not
// known may still be made after it. What was sent before the store was put back may
// have been made before that, too, and its revision then means nothing any more.
func (b *Book) Acknowledged(slot, value int, applied, doubted bool, revision int64, at time.Time, how string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := &b.slots[slot]
	a.note(at, "%s", how)
	if a.sent.Before(b.restored) {
		return
	}
	b.revision = max(b.revision, revision)
	if doubted {
		return
	}
	a.stored = only(value)
	if applied {
		a.enforce(at, only(value))
	}
}

// Restored notes that the store has been put back to what it was at some time
// since then: any value since may be the one it has.
func (b *Book) Restored(since, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.revision, b.restored = 0, at
	for i := range b.slots {
		a := &b.slots[i]
		may := a.now() | a.stored
		for j, s := range a.enforced {
			if j+1 == len(a.enforced) || a.enforced[j+1].since.After(since) {
				may |= s.may
			}
		}
		a.stored = may
		a.enforce(at, may)
		a.note(at, "the store was put back to what it was since %s", since.Format(clock))
	}
}

// Settled notes that a slot has a value everywhere, and complains if that is
// none that it may have.
func (b *Book) Settled(slot, value int, at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := &b.slots[slot]
	a.note(at, "%d is what the store says", value)
	var err error
	if !a.stored.has(value) {
		err = fmt.Errorf("the store has value %d, which is none of %b:\n%s", value, a.stored, a.told())
	}
	a.stored = only(value)
	a.enforce(at, only(value))
	return err
}

// Revision is the highest that was acknowledged, 0 since the store was put back.
func (b *Book) Revision() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.revision
}

// Now are the values that a slot may be enforced with.
func (b *Book) Now(slot int) values {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.slots[slot].now()
}

// Times are when what slots may have changed, since a time, which is the first.
func (b *Book) Times(slots []int, since time.Time) []time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	times := []time.Time{since}
	for _, i := range slots {
		for _, s := range b.slots[i].enforced {
			if s.since.After(since) {
				times = append(times, s.since)
			}
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return slices.CompactFunc(times, time.Time.Equal)
}

// At are the values that a slot may have been enforced with at a time.
func (b *Book) At(slot int, at time.Time) values {
	b.mu.Lock()
	defer b.mu.Unlock()
	may := b.slots[slot].enforced[0].may
	for _, s := range b.slots[slot].enforced {
		if s.since.After(at) {
			break
		}
		may = s.may
	}
	return may
}

// Forget drops what was before a time, but for what still held then.
func (b *Book) Forget(before time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.slots {
		e := b.slots[i].enforced
		for len(e) > 1 && !e[1].since.After(before) {
			e = e[1:]
		}
		b.slots[i].enforced = slices.Clone(e)
		b.slots[i].journal = slices.DeleteFunc(b.slots[i].journal, func(e entry) bool { return e.at.Before(before) })
	}
}

// clock is how times are written for people.
const clock = "15:04:05.000"

// Journal is what is known of a slot, a line each.
func (b *Book) Journal(slot int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.slots[slot].told()
}

func (a *account) told() string {
	var text strings.Builder
	for _, e := range a.journal {
		fmt.Fprintf(&text, "    %s %s\n", e.at.Format(clock), e.text)
	}
	return text.String()
}
