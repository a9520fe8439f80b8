package wire

import "google.golang.org/grpc"

// Windows bound what was sent and is not read, in bytes. They are fixed: where gRPC is
// to find out how wide a window should be it measures the way with each message, by a
// ping and its answer. Without that a change of 1,000 hosts took a relay some quarter less
// of a processor.
const (
	windowOfHost  = 512 << 10 // two parts are under way
	windowOfRelay = 64 << 10  // of each host, the least there is
)

// A connection has one stream, and little to say as a rule.
const buffers = 4 << 10

// DialOptions are those of a host.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithStaticStreamWindowSize(windowOfHost), grpc.WithStaticConnWindowSize(windowOfHost),
		grpc.WithReadBufferSize(buffers), grpc.WithWriteBufferSize(buffers),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage)),
	}
}

// ServerOptions are those of a relay.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.StaticStreamWindowSize(windowOfRelay), grpc.StaticConnWindowSize(windowOfRelay),
		grpc.ReadBufferSize(buffers), grpc.WriteBufferSize(buffers), grpc.MaxRecvMsgSize(MaxMessage),
	}
}
