package inquiry

import (
	"fmt"
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
