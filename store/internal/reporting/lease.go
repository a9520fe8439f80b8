package reporting

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// lease is the one lease of all seats of a process; 0: to be had.
type lease struct {
	mu sync.Mutex // held while etcd is asked for it
	id clientv3.LeaseID
}

// grant returns the lease of all that this process holds as long as it lives: it
// gets one, and keeps it until the link is closed or it is lost.
func (r *Reporter) grant(ctx context.Context) (clientv3.LeaseID, error) {
	l := &r.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.id != 0 {
		return l.id, nil
	}
	granted, err := r.link.Client.Grant(ctx, int64(r.link.Config.MemberTTL/time.Second))
	if err != nil {
		return 0, err
	}
	alive, err := r.link.Client.KeepAlive(r.link.Ctx, granted.ID) //nolint:contextcheck // the lease is the link's
	if err != nil {
		return 0, err
	}
	l.id = granted.ID
	r.link.Spawn(func() { //nolint:contextcheck // so is what keeps it
		for range alive {
		}
		if r.link.Ctx.Err() != nil {
			// The names are free at once for whoever is to have them next.
			end, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, _ = r.link.Client.Revoke(end, granted.ID) // or it runs out
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.id == granted.ID {
			l.id = 0
		}
	})
	return l.id, nil
}
