package main

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/bench/internal/changes"
	"github.com/ringfence/ringfence/internal/lines"
)

// longest is how long an answer may be held back.
const longest = 30 * time.Second

// change is a request; Wait is among the options it must be made with.
type change func(ctx context.Context, i int, opts ...client.CallOption) error

// answered is a change whose answer is held back until it is in force.
func (c change) answered(ctx context.Context, i int) error { return c(ctx, i, client.Wait(longest)) }

// changes makes a change and takes it back, several times, and prints what that takes.
func (b *bench) changes(ctx context.Context, name, undoName string, reps int, do, undo change, more lines.Members) error {
	return b.meter().Repeat(ctx, name, undoName, reps, do.answered, undo.answered, more)
}

func (b *bench) measure(ctx context.Context, s *changes.Series, i int, do change) error {
	return b.meter().Measure(ctx, s, i, do.answered)
}

func (b *bench) meter() changes.Meter { return changes.Meter{Lines: b.lines, Watch: b.watch} }
