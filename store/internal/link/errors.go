package link

import (
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	// ErrUnavailable says that etcd cannot be reached, or does not serve:
	// nothing was written. ErrFull and ErrNoLeader are ErrUnavailable, too.
	ErrUnavailable = errors.New("store unavailable")
	// ErrFull says that etcd takes no writes because its quota of space is used
	// up (its alarm NOSPACE). It still answers reads.
	ErrFull = fmt.Errorf("%w: it is full", ErrUnavailable)
	// ErrNoLeader says that etcd has no leader: a majority of its members is
	// away, or does not reach each other.
	ErrNoLeader = fmt.Errorf("%w: it has no leader", ErrUnavailable)
	// ErrOutcomeUnknown says that the store was lost during a commit, and
	// stayed lost until it was too late to ask what became of it. It is an
	// ErrUnavailable, but the write may have happened.
	ErrOutcomeUnknown = fmt.Errorf("%w while a write was under way: it may have been made", ErrUnavailable)
	// ErrTooLarge says that a change does not fit in one transaction of this
	// etcd cluster. Nothing was written. See --max-txn-ops and
	// --max-request-bytes of etcd.
	ErrTooLarge = errors.New("change too large for one etcd transaction")
	// ErrMayNotAsk says that the store does not let this user read what other hosts
	// report.
	ErrMayNotAsk = errors.New("the store does not let this user read what other hosts report")
	// ErrClosed says that the Store was closed.
	ErrClosed = errors.New("store closed")
)

// OpError is a failure of one operation of the store. It unwraps to Kind, one
// of the errors of this package or nil, and to Err, the cause.
type OpError struct {
	Op   string // "read", "update", "follow", "put host", …
	Kind error
	Err  error
}

func (e *OpError) Error() string {
	switch {
	case e.Kind == nil:
		return fmt.Sprintf("store: %s: %v", e.Op, e.Err)
	case e.Err == nil:
		return fmt.Sprintf("store: %s: %v", e.Op, e.Kind)
	}
	return fmt.Sprintf("store: %s: %v: %v", e.Op, e.Kind, e.Err)
}

// Unwrap returns Kind and Err.
func (e *OpError) Unwrap() []error {
	var all []error
	if e.Kind != nil {
		all = append(all, e.Kind)
	}
	if e.Err != nil {
		all = append(all, e.Err)
	}
	return all
}

// Refused reports whether etcd answered a request by not doing it. Any other
// error of a transaction leaves open whether it was applied.
func Refused(err error) bool {
	switch {
	case tooLarge(err), errors.Is(err, rpctypes.ErrNoSpace), errors.Is(err, rpctypes.ErrTooManyRequests):
		return true
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated:
		return true
	}
	if etcd, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		switch etcd.Code() {
		case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated:
			return true
		}
	}
	return false
}

// tooLarge reports whether err says that a request has too many operations or
// bytes, by etcd's limits or by gRPC's.
func tooLarge(err error) bool {
	if errors.Is(err, rpctypes.ErrTooManyOps) || errors.Is(err, rpctypes.ErrRequestTooLarge) {
		return true
	}
	return status.Code(err) == codes.ResourceExhausted && !errors.Is(err, rpctypes.ErrNoSpace) && !errors.Is(err, rpctypes.ErrTooManyRequests)
}

// KindOf classifies an error of etcd that refused reports true for, and those
// of reads, where it does not matter.
func KindOf(err error) error {
	switch {
	case tooLarge(err):
		return ErrTooLarge
	case errors.Is(err, rpctypes.ErrNoSpace):
		return ErrFull
	case errors.Is(err, rpctypes.ErrNoLeader), errors.Is(err, rpctypes.ErrTimeoutDueToLeaderFail):
		return ErrNoLeader
	case errors.Is(err, rpctypes.ErrTooManyRequests):
		return ErrUnavailable
	case Refused(err):
		return nil
	}
	return ErrUnavailable
}

// EtcdSays is the text of the error of etcd that is the cause of err; "" if
// none is, as when etcd cannot be reached.
func EtcdSays(err error) string {
	var raw interface{ GRPCStatus() *status.Status }
	if errors.As(err, &raw) {
		err = rpctypes.Error(raw.GRPCStatus().Err())
	}
	if etcd, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		return etcd.Error()
	}
	return ""
}
