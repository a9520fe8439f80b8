package reporting

import (
	"context"
	"errors"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// PutHost is Store.PutHost.
func (r *Reporter) PutHost(ctx context.Context, h record.HostStatus) error {
	if h.Host == "" || len(h.Host) > 64 || strings.Contains(h.Host, "/") {
		return &link.OpError{Op: "put host", Err: errors.New("host: no name of 1-64 characters without /")}
	}
	ctx, cancel := context.WithTimeout(ctx, r.link.Config.RequestTimeout)
	defer cancel()
	write := r.putReport
	if h.Instance != "" {
		write = r.putSeated
	}
	report, err := r.reportOp(h)
	if err != nil {
		return &link.OpError{Op: "put host", Err: err}
	}
	if written, err := write(ctx, h, report); written || err != nil {
		return err
	}
	h.Mark, h.Lost = "", nil
	plain, err := record.Marshal(record.HostToRecord(h))
	if err != nil {
		return &link.OpError{Op: "put host", Err: err}
	}
	_, err = write(ctx, h, clientv3.OpPut(r.link.Keys.Host(h.Host), plain))
	return err
}

// putReport writes the report of a host that has no instance. It reports whether
// the report was written, and not held back, see reportOp.
func (r *Reporter) putReport(ctx context.Context, _ record.HostStatus, report clientv3.Op) (written bool, err error) {
	done, err := r.link.Client.Do(ctx, report)
	if err != nil {
		return false, r.link.Failed("put host", err)
	}
	return reportWritten(done.Txn()), nil
}

// reportOp writes a report. Versions of the first level refuse a report that has
// a mark, or tells of lost writes, and would take the host for silent: so one is held back unless it is
// certain, in the same transaction, that none of them is in the cluster.
func (r *Reporter) reportOp(h record.HostStatus) (clientv3.Op, error) {
	report, err := record.Marshal(record.HostToRecord(h))
	if err != nil {
		return clientv3.Op{}, err
	}
	put := clientv3.OpPut(r.link.Keys.Host(h.Host), report)
	if h.Mark == "" && len(h.Lost) == 0 {
		return put, nil
	}
	first, err := record.Marshal(record.ClusterRecord{Header: record.Current, Level: record.LevelFirst})
	if err != nil {
		return clientv3.Op{}, err
	}
	level := r.link.Keys.Level()
	return clientv3.OpTxn(
		[]clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(level), ">", 0), clientv3.Compare(clientv3.Value(level), "!=", first)},
		[]clientv3.Op{put}, nil), nil
}

// reportWritten tells from the answer to reportOp, nil if it was a put, whether
// the report was written.
func reportWritten(r *clientv3.TxnResponse) bool { return r == nil || r.Succeeded }

// putSeated writes a report if this instance has the host's seat, or can have
// it: it is free, or the same instance had it before it was started again.
func (r *Reporter) putSeated(ctx context.Context, h record.HostStatus, report clientv3.Op) (written bool, err error) {
	at := r.seat(h.Host)
	at.mu.Lock()
	defer at.mu.Unlock()
	self := record.ClusterMember{Reads: record.LevelNow, Version: h.Version, Instance: h.Instance, Machine: h.Machine, Since: h.Started}
	value, err := record.Marshal(record.MemberToRecord(self))
	if err != nil {
		return false, &link.OpError{Op: "put host", Err: err}
	}
	at.value = value
	if at.lease, err = r.grant(ctx); err != nil {
		return false, r.link.Failed("put host", err)
	}
	key := r.link.Keys.Seat(h.Host)
	done, err := r.link.Client.Txn(ctx).If(at.isHeld(key)...).
		Then(report).Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return false, r.link.Failed("put host", err)
	}
	if done.Succeeded {
		at.denied.Store(false)
		return nestedWritten(done), nil
	}
	var held *mvccpb.KeyValue
	if kvs := done.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		held = kvs[0]
	}
	if holder, other := heldByOther(held, h.Instance); other {
		at.denied.Store(true)
		_, err := r.link.Client.Put(ctx, r.link.Keys.Rival(h.Host), at.value, clientv3.WithLease(at.lease))
		return false, &link.OpError{Op: "put host", Kind: ErrSeatTaken, Err: errors.Join(&SeatError{h.Host, holder}, err)}
	}
	take := []clientv3.Op{clientv3.OpPut(key, at.value, clientv3.WithLease(at.lease)), clientv3.OpPut(r.link.Keys.Member(h.Host), at.value)}
	if at.denied.Load() { // it was the rival, and is none any more
		take = append(take, clientv3.OpDelete(r.link.Keys.Rival(h.Host)))
	}
	done, err = r.link.Client.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(key), "=", held.GetModRevision())).
		Then(append(take, report)...).Commit()
	switch {
	case err != nil:
		return false, r.link.Failed("put host", err)
	case !done.Succeeded:
		return false, &link.OpError{Op: "put host", Err: errors.New("somebody else took the host's name this moment")}
	}
	at.denied.Store(false)
	return nestedWritten(done), nil
}

// nestedWritten tells whether the report, the last operation of a transaction, was
// written.
func nestedWritten(r *clientv3.TxnResponse) bool {
	nested := r.Responses[len(r.Responses)-1].GetResponseTxn()
	return reportWritten((*clientv3.TxnResponse)(nested))
}
