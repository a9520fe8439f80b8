package store

import (
	"context"
	"errors"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Whoever notices that the store went back writes into it what was lost, so
// that those know it too who come later and have seen nothing of it: a host's
// report that the backup had says nothing of what the host did afterwards, and
// a revision that was lost is given out again.

// maxLosses bounds how many are kept in the store, some 200 bytes each.
const maxLosses = 32

// loss is a part of a history that the store does not have any more: what was
// written after revision from, up to the write at revision to, which had the
// mark. How much was lost at the least, that is: others may have seen more.
type loss struct {
	from, to int64
	mark     string
	at       int64 // etcd's revision when it was noticed
	when     time.Time
}

type lossRecord struct {
	record.Header
	From int64        `json:"from"`
	To   int64        `json:"to"`
	At   int64        `json:"at"`
	When record.Stamp `json:"when"`
}

// noteLoss writes down that of the history that ended with these marks a part
// is lost, and tries until it is written or the store closed.
func (s *Store) noteLoss(gone marks) {
	for delay := link.RetryDelayMin; s.link.Ctx.Err() == nil; delay = min(2*delay, link.RetryDelayMax) {
		ctx, cancel := context.WithTimeout(s.link.Ctx, s.link.Config.RequestTimeout)
		err := s.tryNoteLoss(ctx, gone)
		cancel()
		switch {
		case err == nil:
			return
		case errors.Is(err, rpctypes.ErrPermissionDenied):
			s.link.Config.Logger.Warn("what the store lost is not written down for others", "error", err)
			return
		}
		s.link.Idle(delay)
	}
}

func (s *Store) tryNoteLoss(ctx context.Context, gone marks) error {
	last := gone.head()
	if last.Revision == 0 {
		return nil // nothing is known of what was
	}
	t, err := (&link.Witness{Key: s.link.Keys.Head(), Rev: last.Revision, Value: last.Mark}).Testify(ctx, s.link.Client)
	if err != nil || t.Lineage != link.OtherHistory {
		return err // if it cannot be told any more, nothing may be lost
	}
	l := loss{to: last.Revision, mark: last.Mark, at: t.Now.Header.Revision}
	if l.from, err = s.common(ctx, gone); err != nil {
		return err
	}
	value, err := record.Marshal(lossRecord{record.Current, l.from, l.to, l.at, record.StampOf(time.Now())})
	if err != nil {
		return err
	}
	key := s.link.Keys.Loss(l.mark)
	r, err := s.link.Client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).Then(clientv3.OpPut(key, value)).Commit()
	if err != nil || !r.Succeeded {
		return err // or another one has seen the same
	}
	s.link.Config.Logger.Warn("the store lost revisions when it was restored", "after", l.from, "up_to", l.to, "noticed_at", l.at)
	return s.trimLosses(ctx)
}

// common is the latest write of a history of before that the store has, by
// bisection: what is before a write that it has, it has as well. It is 0 if
// none of those that are remembered is certain to be there.
func (s *Store) common(ctx context.Context, gone marks) (rev int64, err error) {
	known := slices.DeleteFunc(slices.Clone(gone.all), func(w Write) bool { return w.Mark == "" })
	i := sort.Search(len(known), func(i int) bool {
		if err != nil {
			return true
		}
		var t link.Testimony
		t, err = (&link.Witness{Key: s.link.Keys.Head(), Rev: known[i].Revision, Value: known[i].Mark}).Testify(ctx, s.link.Client)
		return t.Lineage != link.SameHistory
	})
	if err != nil || i == 0 {
		return 0, err
	}
	return known[i-1].Revision, nil
}

// trimLosses forgets the oldest that are too many.
func (s *Store) trimLosses(ctx context.Context) error {
	r, err := s.link.Client.Get(ctx, s.link.Keys.Losses(), clientv3.WithPrefix(), clientv3.WithKeysOnly(),
		clientv3.WithSort(clientv3.SortByModRevision, clientv3.SortAscend))
	if err != nil {
		return err
	}
	for i := range max(0, len(r.Kvs)-maxLosses) {
		if _, err := s.link.Client.Delete(ctx, string(r.Kvs[i].Key)); err != nil {
			return err
		}
	}
	return nil
}

// lossBoard is the sink that holds what the store has lost.
type lossBoard struct {
	store  *Store
	health *link.Health
	pulse  link.Pulse

	mu     sync.Mutex
	all    map[string]loss // by mark
	loaded bool
}

func (s *Store) startLosses() *lossBoard {
	b := &lossBoard{store: s, health: link.NewHealth(), all: map[string]loss{}}
	s.link.Spawn(func() {
		f := &link.Feed{Config: s.link.Config, Route: s.link.Route, Prefix: s.link.Keys.Losses(), Probe: s.link.Keys.Head(), Sink: b, Health: b.health}
		_ = f.Run(s.link.Ctx) // ends with the store only
	})
	return b
}

// ready waits for the first load, but not longer than the first attempt at it.
func (b *lossBoard) ready(ctx context.Context) error {
	return b.health.AwaitLoad(ctx, b.store.link.Ctx.Done(), &b.pulse, b.isLoaded)
}

func (b *lossBoard) isLoaded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.loaded
}

// noticed is the etcd revision up to which what was written may have been
// written before the last loss; 0 if none is known.
func (b *lossBoard) noticed() (at int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.all {
		at = max(at, l.at)
	}
	return at
}

// has tells whether a revision was given out in a history that is lost. It may
// have been given out again since.
func (b *lossBoard) has(rev int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.all {
		if l.from < rev && rev <= l.to {
			return true
		}
	}
	return false
}

func (b *lossBoard) Load(pages func(func(*mvccpb.KeyValue) error) error) error {
	all := map[string]loss{}
	err := pages(func(kv *mvccpb.KeyValue) error {
		b.decode(all, kv)
		return nil
	})
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.all, b.loaded = all, true
	b.mu.Unlock()
	b.pulse.Beat()
	return nil
}

func (b *lossBoard) Events(_ int64, events []*clientv3.Event) error {
	b.mu.Lock()
	for _, e := range events {
		if e.Type == clientv3.EventTypeDelete {
			delete(b.all, b.mark(e.Kv))
			continue
		}
		b.decode(b.all, e.Kv)
	}
	b.mu.Unlock()
	b.pulse.Beat()
	return nil
}

// decode passes over what it cannot read.
func (b *lossBoard) decode(into map[string]loss, kv *mvccpb.KeyValue) {
	var r lossRecord
	if err := record.Unmarshal(kv.Value, &r); err != nil {
		b.store.link.Config.Logger.Warn("note of a loss ignored", "error", &RecordError{Key: string(kv.Key), Err: err})
		return
	}
	into[b.mark(kv)] = loss{r.From, r.To, b.mark(kv), r.At, time.Unix(0, int64(r.When))}
}

func (b *lossBoard) mark(kv *mvccpb.KeyValue) string {
	return strings.TrimPrefix(string(kv.Key), b.store.link.Keys.Losses())
}

// What the store has now is loaded anew; until then what was lost stays lost.
func (b *lossBoard) Forget()                      {}
func (b *lossBoard) Doubt()                       {}
func (b *lossBoard) Behind(*mvccpb.KeyValue) bool { return false }

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
		gone.add(w)
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
