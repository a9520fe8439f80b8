package relay

import (
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ringfence/ringfence/relay/wire"
)

// ending is why a stream ends, as the host is told: the message, whether it may try again,
// and after which time.
type ending struct {
	code      codes.Code
	reason    string
	retryable bool
	after     time.Duration
}

func (e *ending) Error() string { return e.reason }

func (e *ending) goodbye() *wire.ToHost {
	return &wire.ToHost{Kind: &wire.ToHost_Goodbye{Goodbye: &wire.Goodbye{Reason: e.reason, Retryable: e.retryable, AfterMs: e.after.Milliseconds()}}}
}

func refused(code codes.Code, format string, a ...any) *ending {
	return &ending{code: code, reason: fmt.Sprintf(format, a...)}
}

// recoverPanic is to be deferred: it turns a panic into an error, counts it, and logs its
// stack.
func (m *metrics) recoverPanic(log interface{ Error(string, ...any) }, err *error) {
	if p := recover(); p != nil {
		m.panics.Inc()
		log.Error("panic in a host's stream", "panic", p, "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "the relay failed in this stream")
	}
}
