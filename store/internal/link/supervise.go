package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/connectivity"
)

// connection gets the reason when the connection of a session goes away.
func (f *Feed) connection(ctx context.Context, client *clientv3.Client) (broken <-chan error) {
	failed := make(chan error, 1)
	go func() {
		conn := client.ActiveConnection()
		if conn.GetState() != connectivity.Ready || conn.WaitForStateChange(ctx, connectivity.Ready) {
			failed <- errors.New("connection lost")
		}
	}()
	return failed
}

// supervise watches over a session: silent gets the reason when etcd does not
// answer, probes what it answers. Asking for a key tells more than
// RequestProgress: it works through a grpc-proxy, needs a leader, and shows a
// watch that is silent although there were events.
func (f *Feed) supervise(ctx context.Context, client *clientv3.Client) (silent <-chan error, probes <-chan *clientv3.GetResponse) {
	failed := make(chan error, 1)
	answers := make(chan *clientv3.GetResponse)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(f.Config.ProbeInterval):
			}
			probeCtx, cancel := context.WithTimeout(ctx, f.Config.ProbeTimeout)
			r, err := client.Get(probeCtx, f.Probe)
			cancel()
			if err != nil {
				failed <- fmt.Errorf("probe: %w", err)
				return
			}
			select {
			case <-ctx.Done():
				return
			case answers <- r:
			}
		}
	}()
	return failed, answers
}
