package httpapi

import (
	"errors"

	"github.com/ringfence/ringfence/inquiry"
)

// errPanicked stands for a fault of ours that the log has.
var errPanicked = errors.New("an internal error of the API")

// guarded runs what answers a question. A panic in it, in whatever goroutine, is
// that question's: it is counted and logged, and is an error like any other.
func (a *API) guarded(what string, fn func() error) error {
	err := inquiry.Guard(fn)
	if p := (*inquiry.PanicError)(nil); errors.As(err, &p) {
		a.metrics.panics.Inc()
		a.logger.Error("panic while a question is answered", "in", what, "panic", p.Value, "stack", string(p.Stack))
		return errPanicked
	}
	return err
}
