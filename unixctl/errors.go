package unixctl

import (
	"errors"
	"strings"
)

// Sentinels, for errors.Is.
var (
	// ErrClosed: the Client was closed.
	ErrClosed = errors.New("client is closed")
	// ErrNotRunning: no ovs-vswitchd listens on the socket.
	ErrNotRunning = errors.New("ovs-vswitchd is not running")
	// ErrFlushUnsafe: this ovs-vswitchd would abort on that command, see
	// FlushConntrack.
	ErrFlushUnsafe = errors.New("flushing this connection would crash ovs-vswitchd")
	// ErrFlushUnsupported: this ovs-vswitchd cannot flush a connection of that
	// protocol alone, see FlushConntrack.
	ErrFlushUnsupported = errors.New("ovs-vswitchd cannot flush connections of this protocol one by one")
)

// OpError is a command that failed.
type OpError struct {
	Op  string // the command, such as "dpctl/dump-conntrack"
	Err error
}

func (e *OpError) Error() string { return "unixctl: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// Error is what ovs-vswitchd answered instead of a result.
type Error struct {
	Method string
	Text   string
}

func (e *Error) Error() string { return strings.TrimSpace(e.Text) }
