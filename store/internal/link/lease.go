package link

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/singleflight"
)

// Leases hands out leases of etcd to notes that are kept for the same time.
// One lease serves all notes of a twenty-fourth of that time, so that a write
// costs no lease of its own.
type Leases struct {
	ctx     context.Context // ends with the store
	client  *clientv3.Client
	timeout time.Duration // of one request

	granting singleflight.Group // etcd is asked once for all who wait for the same

	mu  sync.Mutex // never held while etcd is asked
	all map[time.Duration]lease
}

type lease struct {
	id    clientv3.LeaseID
	until time.Time // it is given to new notes
}

// newLeases asks a client for leases, until ctx ends; one request may take as
// long as timeout.
func newLeases(ctx context.Context, client *clientv3.Client, timeout time.Duration) *Leases {
	return &Leases{ctx: ctx, client: client, timeout: timeout}
}

// Get returns a lease that ends no sooner than after keep.
func (l *Leases) Get(ctx context.Context, keep time.Duration) (clientv3.LeaseID, error) {
	if id, ok := l.have(keep); ok {
		return id, nil
	}
	granted := l.granting.DoChan(keep.String(), func() (any, error) { //nolint:contextcheck // it is not only for who asked first
		if id, ok := l.have(keep); ok { // a moment ago
			return id, nil
		}
		return l.grant(keep)
	})
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case r := <-granted:
		id, _ := r.Val.(clientv3.LeaseID)
		return id, r.Err
	}
}

// have returns the lease that new notes are given.
func (l *Leases) have(keep time.Duration) (clientv3.LeaseID, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lease := l.all[keep]
	return lease.id, time.Now().Before(lease.until)
}

// grant has etcd make one.
func (l *Leases) grant(keep time.Duration) (clientv3.LeaseID, error) {
	shared := max(keep/24, time.Second)
	ctx, cancel := context.WithTimeout(l.ctx, l.timeout) // not of whoever asked first
	defer cancel()
	now := time.Now()
	r, err := l.client.Grant(ctx, int64((keep+shared)/time.Second)+1)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[time.Duration]lease{}
	}
	l.all[keep] = lease{r.ID, now.Add(shared)}
	return r.ID, nil
}

// Forget has new leases made: etcd does not know one that was given out.
func (l *Leases) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.all)
}
