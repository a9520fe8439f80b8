package link

import (
	"context"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// attendEvery is how often the member in use is asked for a sign of life.
const attendEvery = 500 * time.Millisecond

// attend asks the member in use for its status all the time, which costs it next
// to nothing. Who only follows would learn that it hangs, or is cut off, no
// sooner than by the next probe; so the route finds out when this is late, as
// with any request, or when the member knows of no leader. The client is one that
// moves with the route.
func (r *Route) attend(client *clientv3.Client) {
	for r.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(r.ctx, r.cfg.RequestTimeout)
		st, err := pb.NewMaintenanceClient(client.ActiveConnection()).Status(ctx, &pb.StatusRequest{})
		cancel()
		if err == nil && st.Leader == 0 {
			r.search()
		}
		select {
		case <-r.ctx.Done():
		case <-time.After(attendEvery):
		}
	}
}
