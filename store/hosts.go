package store

import (
	"context"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// DeleteHost forgets a host that is no more, and writes notes in the same
// transaction; their conditions are passed over. It is no error if the host is
// unknown.
func (s *Store) DeleteHost(ctx context.Context, host string, notes ...NoteWrite) error {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	t, err := s.transaction(ctx, &draft{notes: notes})
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
	reports, _ := s.hosts().All()
	return reports
}

// Host returns the last report of one host, as Hosts would. It looks at no other.
func (s *Store) Host(name string) (h HostStatus, known bool) { return s.hosts().Host(name) }

// Places returns where a NIC is plugged, by what Hosts would return, sorted by host. It
// is as much work as there are such hosts.
func (s *Store) Places(nic string) []Place { return s.hosts().Places(nic) }

// PlugCount is how many NICs hosts have plugged, those at two hosts counted twice.
func (s *Store) PlugCount() int { return s.hosts().PlugCount() }

// WaitEach blocks until of each of some hosts done has said so once, by its report, or
// stop does; both are asked after every report and revision. It is as much work as
// there are hosts that are not done, whatever others there are. It returns the end of
// ctx as it is.
func (s *Store) WaitEach(ctx context.Context, hosts []string, done func(*HostStatus) bool, stop func() bool) error {
	b, policy := s.hosts(), s.cache()
	left := slices.Clone(hosts)
	for {
		changed, batch := b.Changed(), policy.pulse.Next()
		if stop() {
			return nil
		}
		if left = b.Undone(left, done); len(left) == 0 {
			return nil
		}
		if err := s.awaitEither(ctx, changed, batch); err != nil {
			return err
		}
	}
}

// WaitHosts blocks until done says so of the hosts' reports. It looks at once
// and after every report and revision; what comes fast may be seen together. It
// returns the end of ctx as it is.
func (s *Store) WaitHosts(ctx context.Context, done func([]HostStatus) bool) error {
	b, policy := s.hosts(), s.cache()
	for {
		changed, batch := b.Changed(), policy.pulse.Next()
		reports, loaded := b.All()
		if loaded && done(reports) {
			return nil
		}
		if err := s.awaitEither(ctx, changed, batch); err != nil {
			return err
		}
	}
}

// awaitEither waits until the hosts' reports or the policy have changed.
func (s *Store) awaitEither(ctx context.Context, changed, batch <-chan struct{}) error {
	select {
	case <-s.link.Ctx.Done():
		return &OpError{Op: "wait for hosts", Kind: ErrClosed}
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-batch:
	}
	return nil
}
