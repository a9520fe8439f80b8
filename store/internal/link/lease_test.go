package link

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// hungLeases is etcd's part that makes leases, which answers when it is released.
type hungLeases struct {
	clientv3.Lease
	release chan struct{}
	asked   atomic.Int32
}

func (h *hungLeases) Grant(ctx context.Context, _ int64) (*clientv3.LeaseGrantResponse, error) {
	h.asked.Add(1)
	select {
	case <-h.release:
		return &clientv3.LeaseGrantResponse{ID: 7}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// While etcd is asked for a lease, others are given out all the same, whoever gives
// up does so in time, and all who wait for that one are given the same.
func TestLeaseThatTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hung := &hungLeases{release: make(chan struct{})}
		l := Leases{ctx: t.Context(), timeout: time.Minute, client: &clientv3.Client{Lease: hung},
			all: map[time.Duration]lease{time.Minute: {id: 5, until: time.Now().Add(time.Hour)}}}
		got := make(chan clientv3.LeaseID, 10)
		for range 10 {
			go func() {
				id, err := l.Get(t.Context(), time.Hour)
				if err != nil {
					t.Error(err)
				}
				got <- id
			}()
		}
		synctest.Wait()
		begun := time.Now()
		if id, err := l.Get(t.Context(), time.Minute); id != 5 || err != nil {
			t.Errorf("lease %d, %v", id, err)
		}
		l.Forget()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Get(short, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one who waits for a second only: %v", err)
		}
		if d := time.Since(begun); d != time.Second {
			t.Errorf("that took %v", d)
		}
		hung.release <- struct{}{}
		for range 10 {
			if id := <-got; id != 7 {
				t.Errorf("lease %d", id)
			}
		}
		if n := hung.asked.Load(); n != 1 {
			t.Errorf("etcd was asked %d times", n)
		}
	})
}
