package faults

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

func (f Fault) String() string {
	return fmt.Sprintf("#%d %s (%s) after %s for %s, salt %d", f.Number, f.Kind, f.Target, f.After, f.For, f.Salt)
}

// String is the outcome on a line.
func (o Outcome) String() string {
	var names []string
	for _, f := range o.Round.Faults {
		names = append(names, fmt.Sprintf("#%d %s (%s)", f.Number, f.Kind, f.Target))
	}
	return fmt.Sprintf("round %d: %s: %d writes, %d applied, %d requests failed; well after %s; longest cut %s %s, the machine's %s%s",
		o.Round.Number, strings.Join(names, " + "), o.Tally.Writes, o.Tally.Applied, o.Tally.Failed, o.Converged.Round(time.Millisecond),
		o.Cut.Round(time.Millisecond), o.CutOf, o.Machine.Round(time.Millisecond),
		map[bool]string{true: fmt.Sprintf(", %d cuts not judged", o.Unjudged)}[o.Unjudged > 0])
}

// Complaint is what was found, with the faults in full.
func (o Outcome) Complaint() string {
	const most = 20
	var b strings.Builder
	for _, f := range o.Round.Faults {
		fmt.Fprintf(&b, "  fault %s\n", f)
	}
	for i, f := range o.Findings {
		if i == most {
			fmt.Fprintf(&b, "  … and %d more\n", len(o.Findings)-most)
			break
		}
		fmt.Fprintf(&b, "  %s\n", f)
	}
	for _, slot := range slices.Sorted(maps.Keys(o.Journals)) {
		fmt.Fprintf(&b, "  %s:\n%s", slot, o.Journals[slot])
	}
	return b.String()
}

func (o *Outcome) journal(slot, text string) {
	if o.Journals == nil {
		o.Journals = map[string]string{}
	}
	o.Journals[slot] = text
}

// Summary adds up a history.
type Summary struct {
	Rounds, Faults, Bad, Unjudged int
	Tally                         Tally
	Packets                       int
	Kinds                         map[string]int
	Cut, Machine                  time.Duration
	converged                     []time.Duration
}

// Add takes a round in.
func (s *Summary) Add(o Outcome) {
	s.Rounds++
	s.Faults += len(o.Round.Faults)
	if len(o.Findings) > 0 {
		s.Bad++
	}
	s.Unjudged += o.Unjudged
	s.Packets += o.Checked
	s.Tally.Writes += o.Tally.Writes
	s.Tally.Applied += o.Tally.Applied
	s.Tally.Failed += o.Tally.Failed
	s.Cut, s.Machine = max(s.Cut, o.Cut), max(s.Machine, o.Machine)
	s.converged = append(s.converged, o.Converged)
	if s.Kinds == nil {
		s.Kinds = map[string]int{}
	}
	for _, f := range o.Round.Faults {
		s.Kinds[f.Kind]++
	}
}

// String is the summary for people.
func (s Summary) String() string {
	if s.Rounds == 0 {
		return "nothing was played"
	}
	slices.Sort(s.converged)
	at := func(percent int) time.Duration {
		return s.converged[min(len(s.converged)-1, len(s.converged)*percent/100)].Round(time.Millisecond)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d faults in %d rounds, %d rounds with findings\n", s.Faults, s.Rounds, s.Bad)
	fmt.Fprintf(&b, "%d writes acknowledged, %d of them applied; %d requests failed and were made again\n", s.Tally.Writes, s.Tally.Applied, s.Tally.Failed)
	fmt.Fprintf(&b, "%d packets judged; longest cut %s, the machine's own %s; %d cuts not judged\n", s.Packets, s.Cut.Round(time.Millisecond), s.Machine.Round(time.Millisecond), s.Unjudged)
	fmt.Fprintf(&b, "all well again: p50 %s, p99 %s, longest %s\n", at(50), at(99), at(100))
	for _, k := range slices.Sorted(maps.Keys(s.Kinds)) {
		fmt.Fprintf(&b, "  %4d %s\n", s.Kinds[k], k)
	}
	return b.String()
}
