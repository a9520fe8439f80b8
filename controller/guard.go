package controller

import (
	"context"
	"errors"

	"github.com/ringfence/ringfence/inquiry"
)

// errPanicked answers a question in whose answering there is a fault of ours.
var errPanicked = errors.New("an internal error; the log of the host has it")

// guarded runs something that people's questions need. A panic in it is counted
// and logged, and is an error: enforcement, in the same process, goes on.
func (d *desk) guarded(what string, fn func() error) error {
	err := inquiry.Guard(fn)
	if p := (*inquiry.PanicError)(nil); errors.As(err, &p) {
		d.metrics.panics.Inc()
		d.log.Error("panic while questions are answered", "in", what, "panic", p.Value, "stack", string(p.Stack))
		return errPanicked
	}
	return err
}

// persist runs something until ctx ends, and again after a panic.
func (d *desk) persist(ctx context.Context, what string, run func(context.Context) error) error {
	for {
		err := d.guarded(what, func() error { return run(ctx) })
		if !errors.Is(err, errPanicked) {
			return err
		}
		if err := pause(ctx, minRetry); err != nil {
			return err
		}
	}
}
