package link

import (
	"errors"
	"testing"
)

// TestContact: contact is lost if a feed has lost it, or if none has had it yet.
// A feed that begins beside one that has contact has lost nothing: what asks it
// waits for its load by itself.
func TestContact(t *testing.T) {
	const (
		begun = iota
		live
		failed
		again // live after a failure
	)
	for _, c := range []struct {
		name  string
		feeds []int
		lost  bool
	}{
		{"nobody follows", nil, false},
		{"the first begins", []int{begun}, true},
		{"one has contact", []int{live}, false},
		{"another begins beside it", []int{live, begun}, false},
		{"all begin", []int{begun, begun}, true},
		{"the first attempt failed", []int{live, failed}, true},
		{"one failed, one begins", []int{failed, begun}, true},
		{"it is back", []int{live, again}, false},
	} {
		l := &Link{feeds: map[*Health]struct{}{}}
		for _, state := range c.feeds {
			h := NewHealth()
			defer l.Register(h)()
			if state == failed || state == again {
				h.lost(errors.New("refused"))
			}
			if state == live || state == again {
				h.contact()
			}
		}
		if got := l.Contact(); got.Lost != c.lost || got.Lost && got.Since.IsZero() {
			t.Errorf("%s: %+v, want lost: %t", c.name, got, c.lost)
		}
	}
}
