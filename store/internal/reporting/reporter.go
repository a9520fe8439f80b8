package reporting

import (
	"context"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Reporter writes what is said of the hosts whose seats this process has.
type Reporter struct {
	link  *link.Link
	lease lease

	mu    sync.Mutex
	seats map[string]*seat // by host: where this process reports, or would like to
}

// New returns a Reporter that has no seat yet.
func New(l *link.Link) *Reporter {
	return &Reporter{link: l, seats: map[string]*seat{}}
}

// seat returns the seat of a host, of which nothing need be known yet.
func (r *Reporter) seat(host string) *seat {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seats[host] == nil {
		r.seats[host] = &seat{}
	}
	return r.seats[host]
}

// IsDenied says whether another machine has the seat of a host that this process would
// report for.
func (r *Reporter) IsDenied(host string) bool {
	r.mu.Lock()
	at := r.seats[host]
	r.mu.Unlock()
	return at != nil && at.denied.Load()
}

// IsFree finds out whether nobody has the seat of a host.
func (r *Reporter) IsFree(ctx context.Context, host string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, r.link.Config.RequestTimeout)
	defer cancel()
	got, err := r.link.Client.Get(ctx, r.link.Keys.Seat(host), clientv3.WithCountOnly())
	if err != nil {
		return false, r.link.Failed("seat", err)
	}
	return got.Count == 0, nil
}

// isSeated is the condition that this process has the seat of a host.
func (r *Reporter) isSeated(host string) []clientv3.Cmp {
	at := r.seat(host)
	at.mu.Lock()
	defer at.mu.Unlock()
	return at.isHeld(r.link.Keys.Seat(host))
}

// PutRelay is Store.PutRelay.
func (r *Reporter) PutRelay(ctx context.Context, s record.RelayStanding) error {
	ctx, cancel := context.WithTimeout(ctx, r.link.Config.RequestTimeout)
	defer cancel()
	value, err := record.Marshal(record.RelayToRecord(s))
	if err != nil {
		return &link.OpError{Op: "put relay", Err: err}
	}
	lease, err := r.grant(ctx)
	if err == nil {
		_, err = r.link.Client.Put(ctx, r.link.Keys.Relay(s.Relay), value, clientv3.WithLease(lease))
	}
	if err != nil {
		return r.link.Failed("put relay", err)
	}
	return nil
}
