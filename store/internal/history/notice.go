package history

import (
	"context"
	"errors"
	"slices"
	"sort"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Whoever notices that the store went back writes into it what was lost, so that those
// know it too who come later and have seen nothing of it: a host's report that the backup
// had says nothing of what the host did afterwards, and a revision that was lost is given
// out again.
//
// If nobody noticed, for everything was down while the store was restored, hosts know it
// all the same: they keep outside of etcd which writes they had applied last, and ask for
// the latest of them when they start. What a host finds lost it tells in its reports, for
// it may write nothing else; APIs then look for themselves and write it down.

const (
	// maxRestores bounds how many are kept in the store, some 200 bytes each.
	maxRestores = 32
	// maxTold bounds how many lost writes of hosts are remembered.
	maxTold = 256
	// sameRestore is for how long what a host tells is taken for a restore that is
	// known, if it lost the same revisions: all hosts tell, each of another write.
	sameRestore = 15 * time.Minute
)

// Notice is called when the history ends of which these writes were seen. It writes down
// what of them is lost, and tries until that is written or the link is closed.
func Notice(l *link.Link, seen Seen) {
	for delay := link.RetryDelayMin; l.Ctx.Err() == nil; delay = min(2*delay, link.RetryDelayMax) {
		ctx, cancel := context.WithTimeout(l.Ctx, l.Config.RequestTimeout)
		err := tryNotice(ctx, l, seen)
		cancel()
		switch {
		case err == nil:
			return
		case errors.Is(err, rpctypes.ErrPermissionDenied):
			l.Config.Logger.Warn("what the store lost is not written down for others", "error", err)
			return
		}
		l.Idle(delay)
	}
}

// NoticeReported is called with the writes that a host's report says are lost, the
// latest last. It returns at once; what is really lost is then written down.
func (r *Restores) NoticeReported(lost []record.Write) {
	if len(lost) == 0 || !r.isNews(lost[len(lost)-1]) {
		return
	}
	r.link.Spawn(func() {
		if r.AwaitLoad(r.link.Ctx) == nil && !r.isKnown(lost[len(lost)-1].Revision) {
			Notice(r.link, Seen{lost})
		}
	})
}

// isNews says whether no host has told of this write before.
func (r *Restores) isNews(w record.Write) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lookedAt[w] {
		return false
	}
	if len(r.lookedAt) >= maxTold {
		clear(r.lookedAt)
	}
	r.lookedAt[w] = true
	return true
}

// isKnown says whether a revision is one that a restore of the last minutes lost.
func (r *Restores) isKnown(rev int64) bool {
	return slices.ContainsFunc(r.All(), func(one Restore) bool { return one.lost(rev) && time.Since(one.When) < sameRestore })
}

func tryNotice(ctx context.Context, l *link.Link, seen Seen) error {
	last := seen.Latest()
	if last.Revision == 0 {
		return nil // nothing is known of what was
	}
	t, err := l.Testify(ctx, last)
	if err != nil || t.Lineage != link.OtherHistory {
		return err // if it cannot be told any more, nothing may be lost
	}
	after, err := latestKept(ctx, l, seen)
	if err != nil {
		return err
	}
	at := t.Now.Header.Revision
	value, err := record.Marshal(restoreRecord{record.Current, after, last.Revision, at, record.StampOf(time.Now())})
	if err != nil {
		return err
	}
	key := l.Keys.Restore(last.Mark)
	txn, err := l.Client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).Then(clientv3.OpPut(key, value)).Commit()
	if err != nil || !txn.Succeeded {
		return err // or another one has seen the same
	}
	l.Config.Logger.Warn("the store lost revisions when it was restored", "after", after, "up_to", last.Revision, "noticed_at", at)
	return trim(ctx, l)
}

// latestKept is the revision of the latest write of those that were seen which the store
// still has, found by bisection: what is before a write that it has, it has as well. It is
// 0 if none is certain to be there.
func latestKept(ctx context.Context, l *link.Link, seen Seen) (rev int64, err error) {
	marked := slices.DeleteFunc(slices.Clone(seen.all), func(w record.Write) bool { return w.Mark == "" })
	i := sort.Search(len(marked), func(i int) bool {
		if err != nil {
			return true
		}
		var t link.Testimony
		t, err = l.Testify(ctx, marked[i])
		return t.Lineage != link.SameHistory
	})
	if err != nil || i == 0 {
		return 0, err
	}
	return marked[i-1].Revision, nil
}

// trim deletes the oldest restores that are too many.
func trim(ctx context.Context, l *link.Link) error {
	kept, err := l.Client.Get(ctx, l.Keys.Restores(), clientv3.WithPrefix(), clientv3.WithKeysOnly(),
		clientv3.WithSort(clientv3.SortByModRevision, clientv3.SortAscend))
	if err != nil {
		return err
	}
	for i := range max(0, len(kept.Kvs)-maxRestores) {
		if _, err := l.Client.Delete(ctx, string(kept.Kvs[i].Key)); err != nil {
			return err
		}
	}
	return nil
}
