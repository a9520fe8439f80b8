package link

import (
	"context"
	"errors"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errLeaderChanged gives up a request: what a member has sent on to a leader
// that is gone, or that was not quite there yet, is lost, and nobody says so.
var errLeaderChanged = errors.New("etcd has another leader than when the request was sent")

// unary watches over one request. When it is late the members are asked. It is
// given up if the route moves, and also if what it waits for may be lost: a
// write if the leader is another one since, a look at one key if the member
// answers a later one. It then fails as if the connection were lost: the etcd
// client tries reads again by itself, and what became of a write is for the
// caller to find out.
func (r *Route) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	here, term := r.place(), r.term.Load()
	try, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	defer context.AfterFunc(here, func() { giveUp(errMoved) })()
	late := time.AfterFunc(lateAfter, func() {
		for try.Err() == nil {
			select {
			case <-try.Done():
				return
			case <-r.search():
			}
			if isLook(req) || isWrite(req) && term > 0 && r.term.Load() > term {
				giveUp(errLeaderChanged)
			}
			select {
			case <-try.Done():
			case <-time.After(lateAfter):
			}
		}
	})
	defer late.Stop()
	err := interceptRequest(try, method, req, reply, cc, invoker, opts...)
	if cause := context.Cause(try); err != nil && ctx.Err() == nil && cause != nil {
		return status.Error(codes.Unavailable, cause.Error())
	}
	if answer, ok := reply.(interface{ GetHeader() *pb.ResponseHeader }); ok && err == nil {
		r.heed(answer.GetHeader())
	}
	if growing(req) {
		r.wrote(rpctypes.Error(err))
	}
	if status.Code(err) == codes.Unavailable {
		r.search()
	}
	return err
}

// growing tells whether a request is one that a full etcd refuses.
func growing(req any) bool {
	switch req.(type) {
	case *pb.PutRequest, *pb.TxnRequest, *pb.LeaseGrantRequest:
		return true
	}
	return false
}

// isLook tells whether a request reads one key, which is quickly done again.
func isLook(req any) bool {
	get, ok := req.(*pb.RangeRequest)
	return ok && len(get.RangeEnd) == 0
}

// isWrite tells whether a request goes by way of the leader's log.
func isWrite(req any) bool {
	switch req.(type) {
	case *pb.DeleteRangeRequest, *pb.LeaseRevokeRequest:
		return true
	}
	return growing(req)
}

// stream makes a stream that breaks when the route moves. Whoever uses it, of
// the etcd client, then makes a new one and goes on where this one ended.
func (r *Route) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	here := r.place()
	inner, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(here, cancel)
	context.AfterFunc(inner, func() { stop() })
	s, err := streamer(inner, desc, cc, method, opts...)
	if err != nil {
		cancel()
		return nil, err
	}
	return &movingStream{s, ctx, here, cancel}, nil
}

type movingStream struct {
	grpc.ClientStream
	caller context.Context
	here   context.Context
	end    context.CancelFunc
}

// RecvMsg implements grpc.ClientStream.
func (s *movingStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		return nil
	}
	s.end()
	if s.here.Err() != nil && s.caller.Err() == nil {
		return status.Error(codes.Unavailable, errMoved.Error())
	}
	return err
}
