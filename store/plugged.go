package store

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/ringfence/ringfence/store/internal/record"
)

// ErrMayNotAsk says that the store does not let this user read what other hosts
// report.
var ErrMayNotAsk = errors.New("the store does not let this user read what other hosts report")

// Plugged returns the NICs that are plugged at a host, by its last report, none if
// there is no report. It reads the store itself, and not a copy that is kept up to
// date: it is for who asks seldom and has no other use for reports. It is an
// ErrMayNotAsk where only the host itself may read its report.
func (s *Store) Plugged(ctx context.Context, host string) ([]HostNIC, error) {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	r, err := s.link.Client.Get(ctx, s.link.Keys.Host(host))
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		return nil, &OpError{Op: "read host", Kind: ErrMayNotAsk, Err: err}
	case err != nil:
		return nil, s.link.Failed("read host", err)
	case len(r.Kvs) == 0:
		return nil, nil
	}
	h, err := record.DecodeHost(host, r.Kvs[0].Value)
	if err != nil {
		return nil, &OpError{Op: "read host", Err: err}
	}
	return h.NICs, nil
}
