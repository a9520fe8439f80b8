package upstream

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/ringfence/ringfence/relay/wire"
)

// timing is what tests shorten.
type timing struct {
	connect time.Duration // until a relay is connected, its TLS and HTTP included
	welcome time.Duration // until it takes the host in from then on; it may wait for the policy
	alive   time.Duration // between two looks at whether it still answers
	answer  time.Duration // in which it does
	plugs   time.Duration // until it counts as one that does not tell of plugs
}

// A relay that is there connects within a few milliseconds, and answers as soon;
// on a machine that is far too slow a second may not do, and then the host stays
// unless another relay answers.
func (t timing) withDefaults() timing {
	if t.connect <= 0 {
		t.connect = 3 * time.Second
	}
	if t.welcome <= 0 {
		t.welcome = 10 * time.Second
	}
	if t.alive <= 0 {
		t.alive = 500 * time.Millisecond
	}
	if t.answer <= 0 {
		t.answer = 500 * time.Millisecond
	}
	if t.plugs <= 0 {
		t.plugs = plugsWithin
	}
	return t
}

// How it is noticed that the only relay there is has gone without a word.
const (
	keepaliveEvery = 10 * time.Second
	keepaliveWait  = 10 * time.Second
)

// dial begins a connection to a relay.
func (c *Client) dial(relay string) (*grpc.ClientConn, error) {
	secure := insecure.NewCredentials()
	if cfg := c.cfg.TLS(); cfg != nil {
		secure = credentials.NewTLS(cfg)
	}
	conn, err := grpc.NewClient("passthrough:///"+relay, append(wire.DialOptions(), grpc.WithTransportCredentials(secure), grpc.WithDisableServiceConfig(), grpc.WithNoProxy(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveEvery, Timeout: keepaliveWait}))...)
	if err != nil {
		return nil, err
	}
	conn.Connect()
	return conn, nil
}

// connected waits until a relay has answered on a connection.
func connected(ctx context.Context, conn *grpc.ClientConn) bool {
	for {
		switch state := conn.GetState(); state {
		case connectivity.Ready:
			return true
		case connectivity.TransientFailure, connectivity.Shutdown:
			return false
		default:
			if !conn.WaitForStateChange(ctx, state) {
				return false
			}
		}
	}
}
