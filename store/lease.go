package store

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// leases hands out leases of etcd to notes that are kept for the same time.
// One lease serves all notes of a twenty-fourth of that time, so that a write
// costs no lease of its own.
type leases struct {
	mu  sync.Mutex
	all map[time.Duration]lease
}

type lease struct {
	id    clientv3.LeaseID
	until time.Time // it is given to new notes
}

// get returns a lease that ends no sooner than after keep.
func (l *leases) get(ctx context.Context, s *Store, keep time.Duration) (clientv3.LeaseID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if have := l.all[keep]; now.Before(have.until) {
		return have.id, nil
	}
	shared := max(keep/24, time.Second)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
	defer cancel()
	r, err := s.client.Grant(ctx, int64((keep+shared)/time.Second)+1)
	if err != nil {
		return 0, err
	}
	if l.all == nil {
		l.all = map[time.Duration]lease{}
	}
	l.all[keep] = lease{r.ID, now.Add(shared)}
	return r.ID, nil
}

// forget has new leases made: etcd does not know one that was given out.
func (l *leases) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.all)
}
