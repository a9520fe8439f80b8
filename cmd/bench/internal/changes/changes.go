// Package changes measures what changes of a policy take until their flows are in a bridge.
package changes

import (
	"context"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/internal/flowwatch"
	"github.com/ringfence/ringfence/internal/lines"
)

// Quiet is how long there must be no flow event after a change: it is over.
const Quiet = 60 * time.Millisecond

// Change makes the i-th change of a kind, and returns when it is answered: it is in force.
type Change func(ctx context.Context, i int) error

// Meter measures changes by the flows that somebody watches.
type Meter struct {
	Lines *lines.Writer
	Watch *flowwatch.Watch
	// Within is how long changes of a kind are made again and again; 0: for any time.
	Within time.Duration
}

// Repeat makes a change and takes it back, several times if Within lets it, and prints
// what it takes until
//
//	NAME_first_flow, NAME_last_flow   its first and last flow are in the bridge
//	NAME_answered                     the answer says that it is in force
//
// from the moment the request is sent, and how many flow events it causes.
// Those of taking it back are called "del" instead of "add".
func (m Meter) Repeat(ctx context.Context, name, undoName string, reps int, do, undo Change, more lines.Members) error {
	forth, back := &Series{Name: name}, &Series{Name: undoName}
	start := time.Now()
	for i := range reps {
		if m.Within > 0 && time.Since(start) > m.Within {
			break
		}
		if err := m.Measure(ctx, forth, i, do); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := m.Measure(ctx, back, i, undo); err != nil {
			return fmt.Errorf("%s: %w", undoName, err)
		}
	}
	if err := forth.Print(m.Lines, more); err != nil {
		return err
	}
	return back.Print(m.Lines, more)
}

// Once makes a change that stays, and prints what it takes and, as NAME_flows, the flows that it
// costs. How many there are is counted by flows.
func (m Meter) Once(ctx context.Context, name string, flows func(context.Context) (int, error), do Change, more lines.Members) error {
	before, err := flows(ctx)
	if err != nil {
		return err
	}
	s := &Series{Name: name + "_add"}
	if err := m.Measure(ctx, s, 0, do); err != nil {
		return err
	}
	if err := s.Print(m.Lines, more); err != nil {
		return err
	}
	after, err := flows(ctx)
	if err != nil {
		return err
	}
	return m.Lines.Figure(name+"_flows", float64(after-before), "flows", more)
}

// Series are the measurements of one kind of change.
type Series struct {
	Name                  string
	Events                []float64 // of flows, by change
	first, last, answered []float64 // in seconds
}

// Measure makes one change, and adds what it takes to those of its kind.
func (m Meter) Measure(ctx context.Context, s *Series, i int, do Change) error {
	m.Watch.Forget()
	sent := time.Now()
	if err := do(ctx, i); err != nil {
		return err
	}
	answered := time.Now()
	settle, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	events := m.Watch.AwaitQuiet(settle, 1, Quiet)
	s.add(sent, answered, events)
	return nil
}

func (s *Series) add(sent, answered time.Time, events []flowwatch.Event) {
	s.answered = append(s.answered, answered.Sub(sent).Seconds())
	s.Events = append(s.Events, float64(len(events)))
	if len(events) > 0 {
		s.first = append(s.first, events[0].At.Sub(sent).Seconds())
		s.last = append(s.last, events[len(events)-1].At.Sub(sent).Seconds())
	}
}

// Print prints a series' figures.
func (s *Series) Print(w *lines.Writer, more lines.Members) error {
	for _, part := range []struct {
		suffix string
		values []float64
		unit   string
	}{
		{"_first_flow", s.first, "s"},
		{"_last_flow", s.last, "s"},
		{"_answered", s.answered, "s"},
		{"_flow_events", s.Events, "events"},
	} {
		if err := w.Median(s.Name+part.suffix, part.values, part.unit, more); err != nil {
			return err
		}
	}
	return nil
}
