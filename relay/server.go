package relay

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/ringfence/ringfence/relay/wire"
)

const (
	keepaliveEvery = 10 * time.Second // a host that says nothing for so long is asked
	keepaliveWait  = 10 * time.Second // and is gone if it does not answer by then
	idleMost       = time.Minute      // for a connection without a stream
	keepaliveLeast = 5 * time.Second  // between the questions of a host
	drainTime      = 2 * time.Second  // in which streams end by themselves
)

// Serve serves hosts that come to l, until ctx ends: then they are told to go to
// another relay. Without a TLS configuration all that is said can be read. A host's
// certificate is held against the authorities of the configuration, as they are then,
// for as long as its stream lasts.
func (r *Relay) Serve(ctx context.Context, l net.Listener, secure *tls.Config) error {
	options := append(wire.ServerOptions(),
		grpc.MaxConcurrentStreams(4), grpc.ConnectionTimeout(10*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveEvery, Timeout: keepaliveWait, MaxConnectionIdle: idleMost}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveLeast, PermitWithoutStream: true}))
	if secure != nil {
		r.secure.Store(secure)
		options = append(options, grpc.Creds(credentials.NewTLS(secure)))
	}
	server := grpc.NewServer(options...)
	wire.RegisterHostsServer(server, r)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	r.dismissAll()
	ended := make(chan struct{})
	go func() {
		server.GracefulStop()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(drainTime):
		server.Stop()
	}
	return nil
}

// dismissAll ends all sessions, with a word to the hosts to go to another relay.
func (r *Relay) dismissAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sessions {
		s.end(&ending{code: codes.Unavailable, reason: "the relay is stopped", retryable: true})
	}
}
