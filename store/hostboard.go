package store

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// hostBoard is the sink that holds the hosts' reports.
type hostBoard struct {
	store  *Store
	policy *cache
	health *health
	pulse  pulse

	mu      sync.Mutex
	hosts   map[string]report
	proved  map[markedRevision]bool // writes older than what the cache remembers: whether they are in the history
	reached map[string]int64        // what hosts had applied in this history when their word was last believed
	before  int64                   // reports up to this etcd revision were written before the store was restored
	anew    bool                    // the next load is the first of another history
	loaded  bool

	sorted   []HostStatus          // as they are believed; nil = to be made
	view     boardView             // of the policy, when sorted was made
	believes map[string]HostStatus // of those the reports that have not changed since
}

// report is what a host said, and the etcd revision that wrote it.
type report struct {
	HostStatus
	written int64
}

// boardView is how far the policy is.
type boardView struct{ number, rev int64 }

func (s *Store) startHosts() *hostBoard {
	b := &hostBoard{store: s, policy: s.cache(), health: newHealth(), hosts: map[string]report{}, proved: map[markedRevision]bool{}, reached: map[string]int64{}}
	s.spawn(func() {
		defer s.register(b.health)()
		f := &feed{cfg: s.cfg, route: s.route, prefix: s.keys.hosts(), probe: s.keys.head(), sink: b, health: b.health}
		_ = f.run(s.ctx) // ends with the store only
	})
	return b
}

// state returns the reports as they are believed.
func (b *hostBoard) state() (hosts []HostStatus, loaded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.policy.at()
	if now.number != b.view.number {
		clear(b.reached)
	}
	if b.believes == nil || now != b.view {
		b.believes, b.sorted = make(map[string]HostStatus, len(b.hosts)), nil
	}
	if b.sorted == nil {
		b.sorted, b.view = make([]HostStatus, 0, len(b.hosts)), now
		for _, name := range slices.Sorted(maps.Keys(b.hosts)) {
			h, known := b.believes[name]
			if !known {
				h = b.believed(b.hosts[name])
				b.believes[name] = h
			}
			b.sorted = append(b.sorted, h)
		}
	}
	return b.sorted, b.loaded
}

// believed is a report without what cannot be true: a host that has not noticed
// yet that the store was restored from a backup speaks of a policy that is lost.
// A report that is ahead of the cache counts as the last one that was not.
func (b *hostBoard) believed(r report) HostStatus {
	h := r.HostStatus
	w := markedRevision{h.Applied, h.Mark}
	if h.Applied == 0 {
		return h
	}
	known := b.policy.has(w)
	switch {
	case r.written <= b.before:
		h.Doubt = "no report since the store was restored from a backup"
	case known == isThere, known == tooOld && (h.Mark == "" || b.proved[w]):
		b.reached[h.Host] = h.Applied
		return h
	case known == notSoFar && b.reached[h.Host] > 0:
		return h.upTo(b.reached[h.Host])
	case known == notSoFar:
		h.Doubt = fmt.Sprintf("it reports revision %d, and the store is not there yet", h.Applied)
	default:
		h.Doubt = fmt.Sprintf("it reports revision %d of a history that the store does not have, or not any more", h.Applied)
	}
	return h.upTo(0)
}

// upTo is a report of no later revision than that.
func (h HostStatus) upTo(rev int64) HostStatus {
	h.Applied, h.NICs = min(h.Applied, rev), slices.Clone(h.NICs)
	for i := range h.NICs {
		h.NICs[i].Applied = min(h.NICs[i].Applied, rev)
	}
	return h
}

func (b *hostBoard) load(pages func(func(*mvccpb.KeyValue) error) error) error {
	hosts := map[string]report{}
	var latest int64
	b.mu.Lock()
	known := b.hosts // replaced below, and until then changed by nobody else
	b.mu.Unlock()
	err := pages(func(kv *mvccpb.KeyValue) error {
		latest = max(latest, kv.ModRevision)
		h, ok := b.decode(kv)
		if !ok {
			return nil
		}
		// A report that was seen before is as old as it was.
		if old := known[h.Host]; old.Heartbeat.Equal(h.Heartbeat) && old.Started.Equal(h.Started) {
			h.Seen = old.Seen
		}
		h.Skew, h.SkewKnown = known[h.Host].Skew, known[h.Host].SkewKnown
		hosts[h.Host] = h
		return nil
	})
	if err != nil {
		return err
	}
	b.prove(slices.Collect(maps.Values(hosts)))
	b.mu.Lock()
	if b.anew {
		b.before, b.anew = latest, false
	}
	b.hosts, b.sorted, b.believes, b.loaded = hosts, nil, nil, true
	b.mu.Unlock()
	b.pulse.beat()
	return nil
}

func (b *hostBoard) events(_ int64, events []*clientv3.Event) error {
	said := make([]report, 0, len(events))
	for _, e := range events {
		if e.Type != clientv3.EventTypePut {
			continue
		}
		if h, ok := b.decode(e.Kv); ok {
			// The host wrote this a moment ago: now is the time to compare clocks.
			h.Seen = time.Now()
			h.Skew, h.SkewKnown = h.Heartbeat.Sub(h.Seen), !h.Heartbeat.IsZero()
			said = append(said, h)
		}
	}
	b.prove(said)
	b.mu.Lock()
	for _, e := range events {
		if e.Type == clientv3.EventTypeDelete {
			name := strings.TrimPrefix(string(e.Kv.Key), b.store.keys.hosts())
			delete(b.hosts, name)
			delete(b.believes, name)
		}
	}
	for _, h := range said {
		b.hosts[h.Host] = h
		delete(b.believes, h.Host)
	}
	b.sorted = nil
	b.mu.Unlock()
	b.pulse.beat()
	return nil
}

// prove asks etcd for the writes that hosts speak of, where they are older than
// what the cache remembers. What it cannot tell is not believed until the host
// speaks again.
func (b *hostBoard) prove(said []report) {
	for _, h := range said {
		w := markedRevision{h.Applied, h.Mark}
		b.mu.Lock()
		_, asked := b.proved[w]
		b.mu.Unlock()
		if asked || h.Applied == 0 || h.Mark == "" || b.policy.has(w) != tooOld {
			continue
		}
		ctx, cancel := context.WithTimeout(b.store.ctx, b.store.cfg.RequestTimeout)
		t, err := (&witness{b.store.keys.head(), w.rev, w.mark}).testify(ctx, b.store.client)
		cancel()
		if err != nil {
			continue
		}
		b.mu.Lock()
		if len(b.proved) >= maxMarks {
			clear(b.proved)
		}
		b.proved[w] = t.lineage == sameHistory
		b.believes = nil // others may speak of the same write
		b.mu.Unlock()
	}
}

// decode passes over reports it cannot read, of a newer host say: they are no
// reason to lose sight of the others, and an older report stays, outdated.
func (b *hostBoard) decode(kv *mvccpb.KeyValue) (report, bool) {
	h, err := decodeHost(strings.TrimPrefix(string(kv.Key), b.store.keys.hosts()), kv.Value)
	if err != nil {
		b.store.cfg.Logger.Warn("host status ignored", "error", &RecordError{Key: string(kv.Key), Err: err})
		return report{}, false
	}
	return report{h, kv.ModRevision}, true
}

// forget has no report believed. Those that the store has now may be of hosts
// that went on since: they count when the hosts have spoken again.
func (b *hostBoard) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sorted, b.believes, b.anew, b.before = nil, nil, true, math.MaxInt64
	clear(b.proved)
	clear(b.reached)
}

func (b *hostBoard) doubt()                       {}
func (b *hostBoard) behind(*mvccpb.KeyValue) bool { return false }
