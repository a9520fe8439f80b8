package store

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/store/internal/link"
)

// Whoever follows the store notices that it went back. If nobody did, for
// everything was down while it was restored, hosts know it all the same: they keep
// outside of etcd which writes they had applied last, and ask for the latest of them
// when they start. What a host finds lost it tells in its reports, for it may write
// nothing else, and APIs find out for themselves and write it down as what they had
// noticed.

// Lost tells whether the store does not have the latest of some writes any more that
// somebody saw in it, in their order: it was restored from a backup, or is another
// one. If etcd has nothing left that tells, it may still have them.
func (s *Store) Lost(ctx context.Context, seen []Write) (bool, error) {
	if len(seen) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	last := seen[len(seen)-1]
	t, err := (&link.Witness{Key: s.link.Keys.Head(), Rev: last.Revision, Value: last.Mark}).Testify(ctx, s.link.Client)
	if err != nil {
		return false, s.link.Failed("history", err)
	}
	return t.Lineage == link.OtherHistory, nil
}

const (
	// maxTold bounds how many lost writes of hosts are remembered.
	maxTold = 256
	// sameLoss is for how long what a host tells is taken for a loss that is known,
	// if that is of the same revisions: all hosts tell, each of another write.
	sameLoss = 15 * time.Minute
)

// testify looks at what a host says was lost.
func (b *hostBoard) testify(h HostStatus) {
	if len(h.Lost) == 0 {
		return
	}
	last := h.Lost[len(h.Lost)-1]
	if b.told[last] {
		return
	}
	if len(b.told) >= maxTold {
		clear(b.told)
	}
	b.told[last] = true
	var gone marks
	for _, w := range h.Lost {
		gone.add(markedRevision{w.Revision, w.Mark})
	}
	b.store.link.Spawn(func() {
		if b.losses.ready(b.store.link.Ctx) == nil && !b.losses.lately(last.Revision, sameLoss) {
			b.store.noteLoss(gone)
		}
	})
}

// lately tells whether a revision is among those that were lost in the last time.
func (b *lossBoard) lately(rev int64, within time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.all {
		if l.from < rev && rev <= l.to && time.Since(l.when) < within {
			return true
		}
	}
	return false
}
