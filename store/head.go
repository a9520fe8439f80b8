package store

import (
	"context"

	"github.com/ringfence/ringfence/store/internal/record"
)

// head asks etcd which write of the policy is the latest: zero if there is
// none. It is for what is answered without a transaction, which would fail if
// the cache is behind: a follower whose connection hangs does not know that it
// is.
func (s *Store) head(ctx context.Context) (head markedRevision, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	r, err := s.link.Client.Get(ctx, s.link.Keys.Head())
	if err == nil && len(r.Kvs) > 0 {
		head = markedRevision{r.Kvs[0].ModRevision, record.MarkOf(r.Kvs[0])}
	}
	return head, err
}

// Latest asks etcd for the revision of the latest mutation of the policy, 0 if there
// was none. What a follower has may be older.
func (s *Store) Latest(ctx context.Context) (int64, error) {
	head, err := s.head(ctx)
	if err != nil {
		return 0, s.link.Failed("latest", err)
	}
	return head.rev, nil
}

// includes tells whether what was read from the cache at a revision holds a
// write, of the history that the cache follows now.
func (c *cache) includes(rev int64, w markedRevision) bool {
	known := c.has(w)
	return w.rev == 0 || rev >= w.rev && (known == isThere || known == tooOld)
}
