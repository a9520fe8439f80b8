package store

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/stats"
)

// connections counts the connections that a client has made. An etcd can be
// exchanged for a restored one only while there is none.
type connections struct{ made atomic.Int64 }

// TagRPC implements stats.Handler.
func (c *connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (c *connections) HandleRPC(context.Context, stats.RPCStats) {}

// TagConn implements stats.Handler.
func (c *connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (c *connections) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, begins := s.(*stats.ConnBegin); begins {
		c.made.Add(1)
	}
}
