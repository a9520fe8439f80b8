package desk

import (
	"context"
	"errors"
	"time"

	"github.com/ringfence/ringfence/controller/internal/pause"
)

// errPanicked is the answer to a question during which the desk panicked.
var errPanicked = errors.New("an internal error; the log of the host has it")

// errNoSwitch is the answer to a question that needs the switch while it is away.
var errNoSwitch = errors.New("no connection to the switch")

// retryAfter is the wait before a task of the desk that failed is started again.
const retryAfter = 100 * time.Millisecond

// persist runs a task of the desk until ctx ends, and starts it again after a panic.
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
