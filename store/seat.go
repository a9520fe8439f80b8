package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/record"
)

// ErrSeatTaken says that another instance reports under a host's name. What a
// host has applied is known of one machine alone, so the second one is refused
// until the first has been silent for some seconds.
var ErrSeatTaken = errors.New("another machine reports under this host's name")

// SeatError is the cause of an ErrSeatTaken.
type SeatError struct {
	Host   string
	Holder ClusterMember
}

func (e *SeatError) Error() string {
	return fmt.Sprintf("host %s is %s (instance %s, since %s)", e.Host, e.Holder.Machine, e.Holder.Instance, e.Holder.Since.Format(time.RFC3339))
}

// seats are the host names under which this process reports, or would like to.
type seats struct {
	lease seatLease
	mu    sync.Mutex
	all   map[string]*seat
}

// seatLease is the one lease of all seats of a process; 0: to be had.
type seatLease struct {
	mu sync.Mutex // held while etcd is asked for it
	id clientv3.LeaseID
}

// seat is one name. In etcd it is a key that goes with the lease of whoever
// holds it, and that every report rests on.
type seat struct {
	mu     sync.Mutex
	lease  clientv3.LeaseID // with which this process wrote it last
	value  string           // as this process writes it
	denied atomic.Bool      // somebody else has it
}

func (s *seats) of(host string) *seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]*seat{}
	}
	if s.all[host] == nil {
		s.all[host] = &seat{}
	}
	return s.all[host]
}

// isDenied reports whether somebody else reports for the host.
func (s *seats) isDenied(host string) bool {
	s.mu.Lock()
	at := s.all[host]
	s.mu.Unlock()
	if at == nil {
		return false
	}
	return at.denied.Load()
}

// hasSeat is the condition that this process reports for a host.
func (s *Store) hasSeat(host string) []clientv3.Cmp {
	at := s.seats.of(host)
	at.mu.Lock()
	lease, value := at.lease, at.value
	at.mu.Unlock()
	key := s.link.Keys.Seat(host)
	return []clientv3.Cmp{clientv3.Compare(clientv3.Value(key), "=", value), clientv3.Compare(clientv3.LeaseValue(key), "=", lease)}
}

// hostWrite is what is written of one host.
type hostWrite struct {
	host string
	ops  []clientv3.Op
}

// putEach makes one transaction of what is to be written of several hosts, of each if
// this process reports for it. It returns of whom that was so, in their order. Of a
// single one nothing is nested: etcd looks only at the top at what a user may do, and
// who may not is to learn that.
func (s *Store) putEach(ctx context.Context, writes []hostWrite) (made []bool, rev int64, err error) {
	t := s.link.Client.Txn(ctx)
	if len(writes) == 1 {
		t = t.If(s.hasSeat(writes[0].host)...).Then(writes[0].ops...)
	} else {
		all := make([]clientv3.Op, len(writes))
		for i, w := range writes {
			all[i] = clientv3.OpTxn(s.hasSeat(w.host), w.ops, nil)
		}
		t = t.Then(all...)
	}
	r, err := t.Commit()
	if err != nil {
		return nil, 0, err
	}
	for i := range writes {
		made = append(made, r.Succeeded && (len(writes) == 1 || r.Responses[i].GetResponseTxn().Succeeded))
	}
	return made, r.Header.Revision, nil
}

// putSeated writes a report if this instance has the host's seat, or can have
// it: it is free, or the same instance had it before it was started again.
func (s *Store) putSeated(ctx context.Context, h HostStatus, report clientv3.Op) (written bool, err error) {
	at := s.seats.of(h.Host)
	at.mu.Lock()
	defer at.mu.Unlock()
	self := ClusterMember{Reads: LevelNow, Version: h.Version, Instance: h.Instance, Machine: h.Machine, Since: h.Started}
	value, err := record.Marshal(record.MemberToRecord(self))
	if err != nil {
		return false, &OpError{Op: "put host", Err: err}
	}
	at.value = value
	if at.lease, err = s.leaseSeats(ctx); err != nil {
		return false, s.link.Failed("put host", err)
	}
	key := s.link.Keys.Seat(h.Host)
	r, err := s.link.Client.Txn(ctx).
		If(clientv3.Compare(clientv3.Value(key), "=", at.value), clientv3.Compare(clientv3.LeaseValue(key), "=", at.lease)).
		Then(report).Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return false, s.link.Failed("put host", err)
	}
	if r.Succeeded {
		at.denied.Store(false)
		return nestedWritten(r), nil
	}
	var held *mvccpb.KeyValue
	if kvs := r.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		held = kvs[0]
	}
	if holder, other := heldByOther(held, h.Instance); other {
		at.denied.Store(true)
		_, err := s.link.Client.Put(ctx, s.link.Keys.Rival(h.Host), at.value, clientv3.WithLease(at.lease))
		return false, &OpError{Op: "put host", Kind: ErrSeatTaken, Err: errors.Join(&SeatError{h.Host, holder}, err)}
	}
	take := []clientv3.Op{clientv3.OpPut(key, at.value, clientv3.WithLease(at.lease)), clientv3.OpPut(s.link.Keys.Member(h.Host), at.value)}
	if at.denied.Load() { // it was the rival, and is none any more
		take = append(take, clientv3.OpDelete(s.link.Keys.Rival(h.Host)))
	}
	r, err = s.link.Client.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(key), "=", held.GetModRevision())).
		Then(append(take, report)...).Commit()
	switch {
	case err != nil:
		return false, s.link.Failed("put host", err)
	case !r.Succeeded:
		return false, &OpError{Op: "put host", Err: errors.New("somebody else took the host's name this moment")}
	}
	at.denied.Store(false)
	return nestedWritten(r), nil
}

// nestedWritten tells whether the report, the last operation of a transaction, was
// written.
func nestedWritten(r *clientv3.TxnResponse) bool {
	nested := r.Responses[len(r.Responses)-1].GetResponseTxn()
	return reportWritten((*clientv3.TxnResponse)(nested))
}

// heldByOther tells whether a seat is another instance's. One that cannot be
// read is.
func heldByOther(kv *mvccpb.KeyValue, instance string) (ClusterMember, bool) {
	if kv == nil {
		return ClusterMember{}, false
	}
	var r record.MemberRecord
	if err := json.Unmarshal(kv.Value, &r); err != nil {
		return ClusterMember{Machine: string(kv.Value)}, true
	}
	return r.Member(MemberHost, ""), r.Instance != instance
}

// leaseSeats returns the lease of all that this process holds as long as it lives: it
// gets one, and keeps it until the store is closed or it is lost.
func (s *Store) leaseSeats(ctx context.Context) (clientv3.LeaseID, error) {
	l := &s.seats.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.id != 0 {
		return l.id, nil
	}
	r, err := s.link.Client.Grant(ctx, int64(s.link.Config.MemberTTL/time.Second))
	if err != nil {
		return 0, err
	}
	alive, err := s.link.Client.KeepAlive(s.link.Ctx, r.ID) //nolint:contextcheck // the lease is the store's
	if err != nil {
		return 0, err
	}
	l.id = r.ID
	s.link.Spawn(func() { //nolint:contextcheck // so is what keeps it
		for range alive {
		}
		if s.link.Ctx.Err() != nil {
			// The names are free at once for whoever is to have them next.
			end, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, _ = s.link.Client.Revoke(end, r.ID) // or it runs out
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.id == r.ID {
			l.id = 0
		}
	})
	return l.id, nil
}
