package faults

import (
	"slices"
	"testing"
)

func TestBook(t *testing.T) {
	b := NewBook(2, at(0))
	enforced := func(ms int, want values) {
		t.Helper()
		if got := b.At(0, at(ms)); got != want {
			t.Errorf("at %d ms: %b may be enforced, want %b", ms, got, want)
		}
	}
	settled := func(value int, ms int, ok bool) {
		t.Helper()
		if err := b.Settled(0, value, at(ms)); (err == nil) != ok {
			t.Errorf("value %d at %d ms: %v", value, ms, err)
		}
	}
	// Applied: only the new value may be there.
	b.Sent(0, 1, at(100))
	enforced(150, only(0)|only(1))
	b.Acknowledged(0, 1, true, false, 7, at(200), "first")
	enforced(250, only(1))
	settled(0, 300, false) // lost
	// Acknowledged and not applied: the store has it, hosts may not.
	b.Sent(0, 2, at(400))
	b.Acknowledged(0, 2, false, false, 7, at(500), "second")
	enforced(550, only(0)|only(2))
	settled(2, 600, true)
	enforced(650, only(2))
	// Not answered: either may be there, also after a later one was acknowledged.
	b.Sent(0, 1, at(700))
	b.Sent(0, 3, at(750))
	b.Acknowledged(0, 3, true, true, 7, at(800), "third")
	enforced(850, only(1)|only(2)|only(3))
	settled(1, 900, true)
	// Restored: what was since then may be there again, and nothing from before.
	b.Sent(0, 0, at(1000))
	b.Acknowledged(0, 0, true, false, 7, at(1100), "fourth")
	b.Restored(at(1050), at(1200))
	enforced(1250, only(0)|only(1))
	settled(1, 1300, true)
	b.Restored(at(1250), at(1400))
	settled(3, 1500, false)
	if got := b.At(1, at(1500)); got != only(0) {
		t.Errorf("the other slot may have %b", got)
	}
	b.Forget(at(1450))
	if times := b.Times([]int{0}, at(0)); !slices.ContainsFunc(times, at(1500).Equal) || len(times) > 3 {
		t.Errorf("after forgetting: %v", times)
	}
	// Asked for before it was restored, acknowledged after that: made, or lost.
	b.Sent(0, 2, at(1600))
	b.Restored(at(1550), at(1700))
	b.Acknowledged(0, 2, true, false, 9, at(1800), "fifth")
	if b.Revision() != 0 {
		t.Errorf("revision %d is of a history that is lost", b.Revision())
	}
	settled(3, 1900, true)
}

// The oracle and the flows fit: those without a slot are allowed, or not, for
// good, and every slot decides about some.
func TestFlowsAreJudged(t *testing.T) {
	slots := slots()
	o, b := NewOracle(slots), NewBook(len(slots), at(0))
	var must, mustNot int
	all := flows()
	for i := range all {
		f := &all[i]
		switch o.Now(f, b) {
		case Must:
			must++
		case MustNot:
			mustNot++
		default:
			t.Errorf("%s: nothing has changed, and the oracle does not know", f.Name)
		}
	}
	if must < 10 || mustNot < 10 {
		t.Errorf("%d flows must pass and %d must not", must, mustNot)
	}
	for slot := range slots {
		for v := range slots[slot].Values {
			b.Sent(slot, v, at(1))
		}
	}
	for i := range all {
		if f := &all[i]; (o.Now(f, b) == May) != (len(f.Slots) > 0) {
			t.Errorf("%s: %s when every slot may have every value; its slots are %v", f.Name, o.Now(f, b), f.Slots)
		}
	}
}
