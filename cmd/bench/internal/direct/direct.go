// Package direct writes what benchmarks begin with into the store, past the API, which
// would take longer and is not what they measure.
package direct

import (
	"context"
	"errors"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Store is the store of the processes that are measured.
type Store struct{ *store.Store }

// Open connects to the etcd at a URL, and returns when the policy that it has is read.
// The caller closes the store.
func Open(ctx context.Context, etcdURL string) (*Store, error) {
	s, err := store.Open(ctx, store.Config{Endpoints: []string{etcdURL}})
	if err != nil {
		return nil, err
	}
	if err := s.Sync(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &Store{s}, nil
}

// Write makes changes in one transaction, and returns its revision.
func (s *Store) Write(ctx context.Context, changes ...secgroup.Change) (int64, error) {
	return s.Update(ctx, func(*secgroup.Snapshot) ([]secgroup.Change, error) { return changes, nil })
}

// Fill makes many changes, so many in a transaction.
func (s *Store) Fill(ctx context.Context, changes []secgroup.Change, atATime int) error {
	for some := range slices.Chunk(changes, atATime) {
		if _, err := s.Write(ctx, some...); err != nil {
			return err
		}
	}
	return nil
}
