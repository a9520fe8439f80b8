package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/connectivity"
)

// supervise watches over a session: broken gets the reason when the connection
// goes away or etcd does not answer, probes what it answers. Asking for a key
// tells more than RequestProgress: it works through a grpc-proxy, needs a
// leader, and shows a watch that is silent although there were events.
func (f *feed) supervise(ctx context.Context, client *clientv3.Client) (broken <-chan error, probes <-chan *mvccpb.KeyValue) {
	failed := make(chan error, 2)
	answers := make(chan *mvccpb.KeyValue)
	go func() {
		conn := client.ActiveConnection()
		if conn.GetState() != connectivity.Ready || conn.WaitForStateChange(ctx, connectivity.Ready) {
			failed <- errors.New("connection lost")
		}
	}()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(f.cfg.ProbeInterval):
			}
			probeCtx, cancel := context.WithTimeout(ctx, f.cfg.ProbeTimeout)
			r, err := client.Get(probeCtx, f.probe)
			cancel()
			if err != nil {
				failed <- fmt.Errorf("probe: %w", err)
				return
			}
			var kv *mvccpb.KeyValue
			if len(r.Kvs) > 0 {
				kv = r.Kvs[0]
			}
			select {
			case <-ctx.Done():
				return
			case answers <- kv:
			}
		}
	}()
	return failed, answers
}
