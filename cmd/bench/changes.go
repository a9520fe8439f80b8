package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/flowwatch"
	"github.com/ringfence/ringfence/internal/lines"
)

// quiet is how long there must be no flow event after a change: it is over.
const quiet = 60 * time.Millisecond

// longest is how long an answer may be held back.
const longest = 30 * time.Second

// change is a request; Wait is among the options it must be made with.
type change func(ctx context.Context, i int, opts ...client.CallOption) error

// changes makes a change and takes it back, several times, and prints what it
// takes until
//
//	NAME_first_flow, NAME_last_flow   its first and last flow are in the bridge
//	NAME_answered                     the answer says that it is in force
//
// from the moment the request is sent, and how many flow events it causes.
// Those of taking it back are called "del" instead of "add".
func (b *bench) changes(ctx context.Context, name, undoName string, reps int, do, undo change, more lines.Members) error {
	forth, back := &series{name: name}, &series{name: undoName}
	for i := range reps {
		if err := b.measure(ctx, forth, i, do); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := b.measure(ctx, back, i, undo); err != nil {
			return fmt.Errorf("%s: %w", undoName, err)
		}
	}
	if err := forth.print(b.lines, more); err != nil {
		return err
	}
	return back.print(b.lines, more)
}

// series are the measurements of one kind of change.
type series struct {
	name                          string
	first, last, answered, events []float64
}

func (b *bench) measure(ctx context.Context, s *series, i int, do change) error {
	b.watch.Forget()
	sent := time.Now()
	if err := do(ctx, i, client.Wait(longest)); err != nil {
		return err
	}
	answered := time.Now()
	settle, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	events := b.watch.AwaitQuiet(settle, 1, quiet)
	s.add(sent, answered, events)
	return nil
}

func (s *series) add(sent, answered time.Time, events []flowwatch.Event) {
	s.answered = append(s.answered, answered.Sub(sent).Seconds())
	s.events = append(s.events, float64(len(events)))
	if len(events) > 0 {
		s.first = append(s.first, events[0].At.Sub(sent).Seconds())
		s.last = append(s.last, events[len(events)-1].At.Sub(sent).Seconds())
	}
}

func (s *series) print(w *lines.Writer, more lines.Members) error {
	for _, part := range []struct {
		suffix string
		values []float64
		unit   string
	}{
		{"_first_flow", s.first, "s"},
		{"_last_flow", s.last, "s"},
		{"_answered", s.answered, "s"},
		{"_flow_events", s.events, "events"},
	} {
		if err := w.Median(s.name+part.suffix, part.values, part.unit, more); err != nil {
			return err
		}
	}
	return nil
}
