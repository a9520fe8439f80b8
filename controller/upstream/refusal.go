package upstream

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ringfence/ringfence/relay/wire"
)

// refusal is a relay's word that it does not serve the host.
type refusal struct {
	reason    string
	retryable bool
	after     time.Duration
	nameTaken bool // another machine has the host's name
}

func (r *refusal) Error() string { return "the relay says: " + r.reason }

// wait is how long a host waits whom all relays have refused so many times, one after the
// other. Where they did so for good it is short at first: the host may just be admitted.
func (r *refusal) wait(times int) time.Duration {
	if r.retryable {
		return r.after
	}
	d := refusedFirst
	for ; times > 1 && d < refusedMost; times-- {
		d *= 2
	}
	return max(r.after, min(d, refusedMost))
}

// causeOf is the error of a stream, as a refusal if the relay's word was one.
func causeOf(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*refusal](err); ok {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	switch st := status.Convert(err); st.Code() {
	case codes.Unauthenticated, codes.PermissionDenied, codes.FailedPrecondition, codes.InvalidArgument:
		return &refusal{reason: st.Message()}
	case codes.AlreadyExists:
		return &refusal{reason: st.Message(), retryable: true, nameTaken: true}
	case codes.Unknown:
		return err
	default:
		return errors.New(st.Message())
	}
}

func refusalOf(g *wire.Goodbye) *refusal {
	return &refusal{reason: g.GetReason(), retryable: g.GetRetryable(), after: time.Duration(g.GetAfterMs()) * time.Millisecond}
}
