package desk

import (
	"context"
	"errors"
	"time"

	"github.com/ringfence/ringfence/controller/internal/pause"
)

// errPanicked answers a question in whose answering there is a fault of ours.
var errPanicked = errors.New("an internal error; the log of the host has it")

// errNoSwitch answers a question that takes one.
var errNoSwitch = errors.New("no connection to the switch")

// retryAfter is the wait before something is begun again that failed.
const retryAfter = 100 * time.Millisecond

// persist runs something until ctx ends, and again after a panic.
func (d *Desk) persist(ctx context.Context, what string, run func(context.Context) error) error {
	for {
		err := d.keeper.Run(what, func() error { return run(ctx) })
		if !errors.Is(err, errPanicked) {
			return err
		}
		if err := pause.For(ctx, retryAfter); err != nil {
			return err
		}
	}
}
