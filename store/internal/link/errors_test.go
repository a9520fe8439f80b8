package link

import (
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestKindsOfRefusals: what etcd says is told apart.
func TestKindsOfRefusals(t *testing.T) {
	for _, c := range []struct {
		err  error
		want error
	}{
		{rpctypes.ErrNoSpace, ErrFull},
		{rpctypes.ErrNoLeader, ErrNoLeader},
		{rpctypes.ErrTimeoutDueToLeaderFail, ErrNoLeader},
		{rpctypes.ErrTimeout, ErrUnavailable},
		{rpctypes.ErrTooManyRequests, ErrUnavailable},
		{rpctypes.ErrPermissionDenied, nil},
		{rpctypes.ErrCorrupt, ErrUnavailable},
		{rpctypes.ErrTooManyOps, ErrTooLarge},
		{rpctypes.ErrRequestTooLarge, ErrTooLarge},
		{rpctypes.ErrDuplicateKey, nil},
		{status.Error(codes.Unavailable, "connection refused"), ErrUnavailable},
		{status.Error(codes.DeadlineExceeded, "late"), ErrUnavailable},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("%v is a %v, want %v", c.err, got, c.want)
		}
	}
}
