package faults

import (
	"reflect"
	"testing"
)

// A seed is a history, whoever asks.
func TestSameSeedSameHistory(t *testing.T) {
	u := universe(allKinds())
	a, b, c := Draw(7, 200, u), Draw(7, 200, u), Draw(8, 200, u)
	if !reflect.DeepEqual(a, b) {
		t.Error("one seed made two histories")
	}
	if reflect.DeepEqual(a, c) {
		t.Error("two seeds made one history")
	}
	if d := Draw(7, 20, u); !reflect.DeepEqual(d[:len(d)-1], a[:len(d)-1]) {
		t.Error("a shorter history is not the beginning of a longer one")
	}
}

// All kinds come, as many faults as were asked for, each within its time, no two
// of a round in one place, and each writer writes its own slots alone.
func TestHistoriesAreAsAskedFor(t *testing.T) {
	u := universe(allKinds())
	const want = 2000
	faults, seen, together := 0, map[string]int{}, 0
	for _, r := range Draw(1, want, u) {
		taken := map[string]bool{}
		if len(r.Faults) > 1 {
			together++
		}
		for _, f := range r.Faults {
			faults++
			if f.Number != faults {
				t.Fatalf("fault %d has number %d", faults, f.Number)
			}
			seen[f.Kind]++
			k := kindNamed(t, f.Kind)
			if f.For < k.Shortest || f.For > k.Longest {
				t.Errorf("%s lasts from %s to %s", f, k.Shortest, k.Longest)
			}
			for _, part := range k.Touches(f.Target) {
				if taken[part] {
					t.Fatalf("round %d: two faults touch %s", r.Number, part)
				}
				taken[part] = true
			}
		}
		for i, writes := range r.Writes {
			for _, w := range writes {
				if w.Slot%len(u.Slots) != i || w.Value >= u.Values[w.Slot] {
					t.Fatalf("round %d: writer %d writes %+v", r.Number, i, w)
				}
			}
		}
	}
	if faults != want || together == 0 {
		t.Errorf("%d faults, want %d; %d rounds with more than one", faults, want, together)
	}
	for _, k := range allKinds() {
		if seen[k.Name] < want*k.Weight/500 {
			t.Errorf("%s was drawn %d times in %d", k.Name, seen[k.Name], want)
		}
	}
}

func kindNamed(t *testing.T, name string) Kind {
	t.Helper()
	for _, k := range allKinds() {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("no kind %q", name)
	return Kind{}
}

// What is off is a kind, and says why.
func TestWhatIsOffExists(t *testing.T) {
	for _, o := range off {
		kindNamed(t, o.Kind)
		if o.Why == "" {
			t.Errorf("%s is off without a reason", o.Kind)
		}
	}
}
