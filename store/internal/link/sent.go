package link

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
)

type sentKey struct{}

// NoteSent returns a context for one request, and a flag that is set once the
// request may have left this process.
func NoteSent(ctx context.Context) (context.Context, *bool) {
	sent := new(bool)
	return context.WithValue(ctx, sentKey{}, sent), sent
}

// interceptRequest makes requests fail at once while there is no connection,
// where the etcd client would have them wait for one, and notes which were
// sent: gRPC fills in the peer when it has a connection to give the request to.
func interceptRequest(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	var p peer.Peer
	err := invoker(ctx, method, req, reply, cc, append(opts, grpc.Peer(&p), grpc.WaitForReady(false))...)
	if p.Addr != nil {
		MarkSent(ctx)
	}
	return err
}

// MarkSent sets the flag of NoteSent.
func MarkSent(ctx context.Context) {
	if sent, ok := ctx.Value(sentKey{}).(*bool); ok {
		*sent = true
	}
}
