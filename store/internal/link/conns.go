package link

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/stats"
)

// Connections counts the connections that a client has made. An etcd can be
// exchanged for a restored one only while there is none.
type Connections struct{ Made atomic.Int64 }

// TagRPC implements stats.Handler.
func (c *Connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (c *Connections) HandleRPC(context.Context, stats.RPCStats) {}

// TagConn implements stats.Handler.
func (c *Connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (c *Connections) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, begins := s.(*stats.ConnBegin); begins {
		c.Made.Add(1)
	}
}
