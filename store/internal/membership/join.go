package membership

import (
	"cmp"
	"context"
	"errors"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Join makes this process a member of the cluster, as an API of the given id
// and version, until the link is closed: it says what it understands, and
// keeps the cluster's level. It returns at once, whether or not etcd is there.
func (m *Members) Join(self record.ClusterMember) {
	self.Kind, self.Since = record.MemberAPI, time.Now()
	self.Reads = cmp.Or(self.Reads, record.LevelNow)
	m.link.Spawn(func() { m.stay(self) })
	m.keeps.Store(true)
	m.link.Spawn(m.keepLevel)
}

// stay keeps the key of an API for as long as the link is open.
func (m *Members) stay(self record.ClusterMember) {
	value, err := record.Marshal(record.MemberToRecord(self))
	if err != nil {
		m.link.Config.Logger.Error("cluster not joined", "error", err)
		return
	}
	for m.link.Ctx.Err() == nil {
		err := m.whileLeased(m.link.Ctx, func(ctx context.Context, lease clientv3.LeaseID) error {
			_, err := m.link.Client.Put(ctx, m.link.Keys.API(self.ID), value, clientv3.WithLease(lease))
			return err
		})
		if m.link.Ctx.Err() == nil {
			m.link.Config.Logger.Warn("membership of the cluster interrupted", "error", err)
		}
		m.link.Idle(link.RetryDelayMax)
	}
}

// whileLeased gives a lease to made and keeps it alive until ctx ends or it is
// lost; it is revoked at the end, so that others need not wait.
func (m *Members) whileLeased(ctx context.Context, made func(context.Context, clientv3.LeaseID) error) error {
	ask, cancel := context.WithTimeout(ctx, m.link.Config.RequestTimeout)
	defer cancel()
	lease, err := m.link.Client.Grant(ask, int64(m.link.Config.MemberTTL/time.Second))
	if err != nil {
		return err
	}
	defer func() { //nolint:contextcheck // it is revoked because ctx ended
		end, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = m.link.Client.Revoke(end, lease.ID) // or it runs out
	}()
	alive, err := m.link.Client.KeepAlive(ctx, lease.ID)
	if err != nil {
		return err
	}
	if err := made(ask, lease.ID); err != nil {
		return err
	}
	for range alive {
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.New("the lease is lost")
}
