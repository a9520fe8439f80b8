package controller

import (
	"context"
	"errors"
)

// errPanicked answers a question in whose answering there is a fault of ours.
var errPanicked = errors.New("an internal error; the log of the host has it")

// persist runs something until ctx ends, and again after a panic.
func (d *desk) persist(ctx context.Context, what string, run func(context.Context) error) error {
	for {
		err := d.keeper.Run(what, func() error { return run(ctx) })
		if !errors.Is(err, errPanicked) {
			return err
		}
		if err := pause(ctx, minRetry); err != nil {
			return err
		}
	}
}
