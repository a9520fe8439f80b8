package link

import (
	"errors"
	"fmt"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestNoLeaderIsNotForgotten: that etcd has no leader is known until members say
// something else. One that is late, on a busy machine, says nothing.
func TestNoLeaderIsNotForgotten(t *testing.T) {
	t.Parallel()
	none := fmt.Errorf("m3: %w", rpctypes.ErrNoLeader)
	late := fmt.Errorf("m3: %w", status.Error(codes.DeadlineExceeded, "late"))
	away := errors.New("m1: connection refused")
	for _, k := range []struct {
		name     string
		before   error
		failures []error
		want     bool
	}{
		{"one says it", nil, []error{away, away, none}, true},
		{"it says it again", none, []error{away, away, none}, true},
		{"it is late", none, []error{away, away, late}, true},
		{"all are late", none, []error{late, late, late}, true},
		{"it was never said", nil, []error{late, late, late}, false},
		{"nobody is there any more", none, []error{away, away, away}, false},
	} {
		if got := noneServes(k.before, k.failures); got == nil || errors.Is(got, rpctypes.ErrNoLeader) != k.want {
			t.Errorf("%s: %v", k.name, got)
		}
	}
}
