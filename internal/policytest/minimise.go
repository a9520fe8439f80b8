package policytest

import (
	"slices"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
)

// Minimise takes away of a policy what a failing case does not need, line by line, and
// returns what is left as a scenario, to be kept in semantics.txt. fails is asked again
// for each line; it must say the same of the same. A case that fails no more once it is
// written and read, because it is about what the language leaves out, is returned whole.
func Minimise(s *secgroup.Snapshot, c Case, fails func(*secgroup.Snapshot, Case) bool) string {
	still := func(lines []string) bool {
		s, c, ok := c.in(lines)
		return ok && fails(s, c)
	}
	lines := Lines(s)
	if !still(lines) {
		return "# not by what the language says\n" + strings.Join(append(lines, c.Line(s)), "\n")
	}
	for again := true; again; {
		again = false
		for i := range slices.Backward(lines) { // what is named comes before what names it
			if fewer := slices.Delete(slices.Clone(lines), i, i+1); still(fewer) {
				lines, again = fewer, true
			}
		}
	}
	left, now, _ := c.in(lines)
	return "# minimal\n" + strings.Join(append(lines, now.Line(left)), "\n")
}

// in is the case in the policy that lines say; false if they say none, or not its NICs.
func (c Case) in(lines []string) (*secgroup.Snapshot, Case, bool) {
	scenarios, err := ParseScenarios("# minimal\n" + strings.Join(lines, "\n"))
	if err != nil {
		return nil, c, false
	}
	s := secgroup.NewSnapshot()
	for _, step := range scenarios[0].Steps {
		s, _ = s.With(int64(step.Line), step.Changes)
	}
	ok := true
	for _, end := range []**secgroup.NIC{&c.Src, &c.Dst} {
		if *end != nil {
			*end = s.NIC((*end).ID)
			ok = ok && *end != nil
		}
	}
	return s, c, ok
}
