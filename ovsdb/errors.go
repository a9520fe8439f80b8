package ovsdb

import (
	"errors"
	"fmt"
)

// Sentinels, for errors.Is.
var (
	// ErrNotFound: no row with that name.
	ErrNotFound = errors.New("not found")
	// ErrOutcomeUnknown: the connection was lost before the answer to a
	// transaction came; it may have been committed or not.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrSilent: the server did not answer a probe, or not in time.
	ErrSilent = errors.New("server does not answer")
)

// OpError is an operation on the database that failed.
type OpError struct {
	Op  string // such as "ensure bridge br-int"
	Err error
}

func (e *OpError) Error() string { return "ovsdb: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// opError wraps err unless it is nil.
func opError(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &OpError{Op: fmt.Sprintf(format, args...), Err: err}
}

// TransactError is the error of one operation of a transaction; none of its
// operations took effect.
type TransactError struct {
	Index   int    // of the operation; one past the last for the commit itself
	Op      string // the operation's name, or "commit"
	Code    string // RFC 7047 §3.1 <error>, such as "constraint violation"
	Details string
}

func (e *TransactError) Error() string {
	text := fmt.Sprintf("operation %d (%s): %s", e.Index, e.Op, e.Code)
	if e.Details != "" {
		text += ": " + e.Details
	}
	return text
}
