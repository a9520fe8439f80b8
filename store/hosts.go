package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/record"
)

// PutHost writes what a host reports about itself, replacing what it said
// before. The host is h.Host, 1-64 characters without a slash. It is an
// ErrSeatTaken if another instance reports under that name.
func (s *Store) PutHost(ctx context.Context, h HostStatus) error {
	if h.Host == "" || len(h.Host) > 64 || strings.Contains(h.Host, "/") {
		return &OpError{Op: "put host", Err: errors.New("host: no name of 1-64 characters without /")}
	}
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	write := s.putReport
	if h.Instance != "" {
		write = s.putSeated
	}
	report, err := s.reportOp(h)
	if err != nil {
		return &OpError{Op: "put host", Err: err}
	}
	if written, err := write(ctx, h, report); written || err != nil {
		return err
	}
	h.Mark, h.Lost = "", nil
	plain, err := record.Marshal(record.HostToRecord(h))
	if err != nil {
		return &OpError{Op: "put host", Err: err}
	}
	_, err = write(ctx, h, clientv3.OpPut(s.link.Keys.Host(h.Host), plain))
	return err
}

// putReport writes the report of a host that has no instance. It reports whether
// the report was written, and not held back, see reportOp.
func (s *Store) putReport(ctx context.Context, _ HostStatus, report clientv3.Op) (written bool, err error) {
	r, err := s.link.Client.Do(ctx, report)
	if err != nil {
		return false, s.link.Failed("put host", err)
	}
	return reportWritten(r.Txn()), nil
}

// reportOp writes a report. Versions of the first level refuse a report that has
// a mark, or tells of lost writes, and would take the host for silent: so one is held back unless it is
// certain, in the same transaction, that none of them is in the cluster.
func (s *Store) reportOp(h HostStatus) (clientv3.Op, error) {
	report, err := record.Marshal(record.HostToRecord(h))
	if err != nil {
		return clientv3.Op{}, err
	}
	put := clientv3.OpPut(s.link.Keys.Host(h.Host), report)
	if h.Mark == "" && len(h.Lost) == 0 {
		return put, nil
	}
	first, err := record.Marshal(record.ClusterRecord{Header: record.Current, Level: LevelFirst})
	if err != nil {
		return clientv3.Op{}, err
	}
	level := s.link.Keys.Level()
	return clientv3.OpTxn(
		[]clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(level), ">", 0), clientv3.Compare(clientv3.Value(level), "!=", first)},
		[]clientv3.Op{put}, nil), nil
}

// reportWritten tells from the answer to reportOp, nil if it was a put, whether
// the report was written.
func reportWritten(r *clientv3.TxnResponse) bool { return r == nil || r.Succeeded }

// DeleteHost forgets a host that is no more, and writes notes in the same
// transaction; their conditions are passed over. It is no error if the host is
// unknown.
func (s *Store) DeleteHost(ctx context.Context, host string, notes ...NoteWrite) error {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	t, err := s.write(ctx, &draft{notes: notes})
	plugs, end := s.link.Keys.PlugsOf(host)
	if err == nil {
		_, err = s.link.Client.Txn(ctx).Then(append(t.ops, clientv3.OpDelete(s.link.Keys.Host(host)),
			clientv3.OpDelete(s.link.Keys.Member(host)), clientv3.OpDelete(s.link.Keys.Seat(host)), clientv3.OpDelete(s.link.Keys.Rival(host)),
			clientv3.OpDelete(plugs, clientv3.WithRange(end)))...).Commit()
	}
	if err != nil {
		return s.link.Failed("delete host", err)
	}
	return nil
}

// Hosts returns the last report of each host, sorted by name, as this process
// has seen them. The caller must not change it. It is empty until the first
// load; WaitHosts waits for that. Applied is 0, with the reason in Doubt, where
// a host speaks of a revision that is not in the store's history as the cached
// policy has it.
func (s *Store) Hosts() []HostStatus {
	hosts, _ := s.hosts().state()
	return hosts
}

// WaitEach blocks until of each of some hosts done has said so once, by its report, or
// stop does; both are asked after every report and revision. It is as much work as
// there are hosts that are not done, whatever others there are. It returns the end of
// ctx as it is.
func (s *Store) WaitEach(ctx context.Context, hosts []string, done func(*HostStatus) bool, stop func() bool) error {
	b := s.hosts()
	left := slices.Clone(hosts)
	for {
		next, beat := b.pulse.Next(), b.policy.pulse.Next()
		if stop() {
			return nil
		}
		if left = b.undone(left, done); len(left) == 0 {
			return nil
		}
		select {
		case <-s.link.Ctx.Done():
			return &OpError{Op: "wait for hosts", Kind: ErrClosed}
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
		case <-beat:
		}
	}
}

// WaitHosts blocks until done says so of the hosts' reports. It looks at once
// and after every report and revision; what comes fast may be seen together. It
// returns the end of ctx as it is.
func (s *Store) WaitHosts(ctx context.Context, done func([]HostStatus) bool) error {
	b := s.hosts()
	for {
		next, beat := b.pulse.Next(), b.policy.pulse.Next()
		hosts, loaded := b.state()
		if loaded && done(hosts) {
			return nil
		}
		select {
		case <-s.link.Ctx.Done():
			return &OpError{Op: "wait for hosts", Kind: ErrClosed}
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
		case <-beat:
		}
	}
}
