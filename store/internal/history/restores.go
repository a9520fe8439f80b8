package history

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Restore is what was lost, at the least, when the store was restored from a backup:
// the writes after revision After, up to the one at UpTo, which had the mark.
type Restore struct {
	After, UpTo int64
	Mark        string
	NoticedAt   int64 // etcd's revision when it was noticed
	When        time.Time
}

// lost says whether a revision is one of those that were lost.
func (r Restore) lost(rev int64) bool { return r.After < rev && rev <= r.UpTo }

type restoreRecord struct {
	record.Header
	From int64        `json:"from"`
	To   int64        `json:"to"`
	At   int64        `json:"at"`
	When record.Stamp `json:"when"`
}

// Restores is the sink that holds the restores that were noticed and written down, by
// this process or another one.
type Restores struct {
	link   *link.Link
	health *link.Health
	pulse  link.Pulse

	mu       sync.Mutex
	all      map[string]Restore // by mark
	loaded   bool
	lookedAt map[record.Write]bool // lost writes that hosts told of, and that were looked at
}

// FollowRestores follows the restores that are written down, until the link is closed.
func FollowRestores(l *link.Link) *Restores {
	r := &Restores{link: l, health: link.NewHealth(), all: map[string]Restore{}, lookedAt: map[record.Write]bool{}}
	l.Spawn(func() {
		f := &link.Feed{Config: l.Config, Route: l.Route, Prefix: l.Keys.Restores(), Probe: l.Keys.Head(), Sink: r, Health: r.health}
		_ = f.Run(l.Ctx) // ends with the link only
	})
	return r
}

// AwaitLoad waits for the first load, but not longer than the first attempt at it.
func (r *Restores) AwaitLoad(ctx context.Context) error {
	return r.health.AwaitLoad(ctx, r.link.Ctx.Done(), &r.pulse, r.IsLoaded)
}

// IsLoaded says whether the restores are known.
func (r *Restores) IsLoaded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.loaded
}

// Changed is closed when there may be others than at the time of the call.
func (r *Restores) Changed() <-chan struct{} { return r.pulse.Next() }

// All returns the restores, the latest last.
func (r *Restores) All() []Restore {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(maps.Values(r.all), func(a, b Restore) int {
		return cmp.Or(a.When.Compare(b.When), strings.Compare(a.Mark, b.Mark))
	})
}

// NoticedAt is the etcd revision at which the last restore was noticed, 0 if there was
// none. What is older may have been written before the store was restored.
func (r *Restores) NoticedAt() (rev int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		rev = max(rev, one.NoticedAt)
	}
	return rev
}

// HasLost says whether a revision was given out in a history that is lost. It may have
// been given out again since.
func (r *Restores) HasLost(rev int64) bool {
	return slices.ContainsFunc(r.All(), func(one Restore) bool { return one.lost(rev) })
}

// LatestMark is the mark of the last write that the latest restore lost, "" if there was
// none.
func (r *Restores) LatestMark() string {
	if all := r.All(); len(all) > 0 {
		return all[len(all)-1].Mark
	}
	return ""
}

// Load implements link.Sink.
func (r *Restores) Load(pages func(func(*mvccpb.KeyValue) error) error) error {
	all := map[string]Restore{}
	err := pages(func(kv *mvccpb.KeyValue) error {
		r.decode(all, kv)
		return nil
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.all, r.loaded = all, true
	r.mu.Unlock()
	r.pulse.Beat()
	return nil
}

// Events implements link.Sink.
func (r *Restores) Events(_ int64, events []*clientv3.Event) error {
	r.mu.Lock()
	for _, e := range events {
		if e.Type == clientv3.EventTypeDelete {
			delete(r.all, r.markOf(e.Kv))
			continue
		}
		r.decode(r.all, e.Kv)
	}
	r.mu.Unlock()
	r.pulse.Beat()
	return nil
}

// decode passes over what it cannot read.
func (r *Restores) decode(into map[string]Restore, kv *mvccpb.KeyValue) {
	var v restoreRecord
	if err := record.Unmarshal(kv.Value, &v); err != nil {
		r.link.Config.Logger.Warn("note of a loss ignored", "error", &record.Error{Key: string(kv.Key), Err: err})
		return
	}
	mark := r.markOf(kv)
	into[mark] = Restore{v.From, v.To, mark, v.At, time.Unix(0, int64(v.When))}
}

func (r *Restores) markOf(kv *mvccpb.KeyValue) string {
	return strings.TrimPrefix(string(kv.Key), r.link.Keys.Restores())
}

// Forget implements link.Sink. What the store has now is loaded anew; until then what
// was lost stays lost.
func (r *Restores) Forget() {}

// Doubt implements link.Sink.
func (r *Restores) Doubt() {}

// Behind implements link.Sink.
func (r *Restores) Behind(*mvccpb.KeyValue) bool { return false }
