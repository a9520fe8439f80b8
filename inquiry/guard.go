package inquiry

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// PanicError is a panic that Guard caught. Its text is for a log: whoever asked
// learns no more than that there is an entry.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Guard runs fn and makes a *PanicError of a panic in it: a fault in the answer to
// one question is to end neither the process nor what else that does.
func Guard(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return fn()
}

// Keeper keeps panics to the question that they are in: what else the process
// does goes on. Each is counted, and in the log.
type Keeper struct {
	Log    *slog.Logger
	Count  func()
	Answer error // is what whoever asked learns
}

// Run is Guard. The error is Answer after a panic.
func (k Keeper) Run(what string, fn func() error) error {
	err := Guard(fn)
	if p := (*PanicError)(nil); errors.As(err, &p) {
		k.Count()
		k.Log.Error("panic while questions are answered", "in", what, "panic", p.Value, "stack", string(p.Stack))
		return k.Answer
	}
	return err
}
