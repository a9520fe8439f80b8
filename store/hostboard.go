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

	"github.com/ringfence/ringfence/store/internal/history"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// hostBoard is the sink that holds the hosts' reports.
type hostBoard struct {
	store    *Store
	policy   *cache
	restores *history.Restores
	relays   *relayBoard
	health   *link.Health
	pulse    link.Pulse

	mu      sync.Mutex
	hosts   map[string]report
	plugged plugged                // by hosts
	proved  map[Write]link.Lineage // writes older than what the cache remembers: whether they are in the history
	reached map[string]int64       // what hosts had applied in this history when their word was last believed
	before  int64                  // reports up to this etcd revision were written before this process saw that the store was restored
	anew    bool                   // the next load is the first of another history
	loaded  bool
	doubts  chan struct{} // has one when a report speaks of a write that is still to be proved

	sorted   []HostStatus          // as they are believed; nil = to be made
	view     boardView             // of the policy, by which both of these are
	believes map[string]HostStatus // of those the reports that have not changed since
}

// report is what a host said, and the etcd revision that wrote it.
type report struct {
	HostStatus
	written int64
}

// boardView is what belief rests on beside the reports: how far the policy is, in
// which history, and when a restore was noticed last, see package history.
type boardView struct{ number, rev, noticed int64 }

func (s *Store) startHosts() *hostBoard {
	b := &hostBoard{store: s, policy: s.cache(), restores: s.restores(), health: link.NewHealth(),
		hosts: map[string]report{}, plugged: plugged{at: map[string][]string{}}, proved: map[Write]link.Lineage{}, reached: map[string]int64{}, doubts: make(chan struct{}, 1)}
	b.relays = s.startRelays(b.again)
	s.link.Spawn(b.keepBelieving)
	s.link.Spawn(func() {
		defer s.link.Register(b.health)()
		f := &link.Feed{Config: s.link.Config, Route: s.link.Route, Prefix: s.link.Keys.Hosts(), Probe: s.link.Keys.Head(), Sink: b, Health: b.health}
		_ = f.Run(s.link.Ctx) // ends with the store only
	})
	return b
}

// state returns the reports as they are believed.
func (b *hostBoard) state() (hosts []HostStatus, loaded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.current() {
		return nil, false
	}
	if b.sorted == nil {
		b.sorted = make([]HostStatus, 0, len(b.hosts))
		for _, name := range slices.Sorted(maps.Keys(b.hosts)) {
			h, _ := b.believe(name)
			b.sorted = append(b.sorted, h)
		}
	}
	return b.sorted, true
}

// current forgets what was believed by another view than there is now, and tells
// whether the reports are known. The caller holds mu; so for believe.
func (b *hostBoard) current() (loaded bool) {
	if !b.loaded || !b.restores.IsLoaded() {
		return false
	}
	now := b.policy.at()
	now.noticed = b.restores.NoticedAt()
	if now.number != b.view.number {
		clear(b.reached)
	}
	if b.believes == nil || now != b.view {
		b.believes, b.sorted, b.view = map[string]HostStatus{}, nil, now
	}
	return true
}

// believe is a host's report as it is believed by the view.
func (b *hostBoard) believe(name string) (h HostStatus, known bool) {
	if h, known = b.believes[name]; known {
		return h, true
	}
	r, known := b.hosts[name]
	if !known {
		return HostStatus{}, false
	}
	h = b.believed(b.relays.of(r))
	b.believes[name] = h
	return h, true
}

// undone returns the hosts of some, which it may change, of which done does not say so.
// It looks at no others.
func (b *hostBoard) undone(some []string, done func(*HostStatus) bool) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.current() {
		return some
	}
	return slices.DeleteFunc(some, func(name string) bool {
		h, known := b.believe(name)
		return known && done(&h)
	})
}

// believed is a report without what may not be true: a host that has not noticed
// yet that the store was restored from a backup speaks of a policy that is lost,
// and one that has not spoken since may have applied more than the backup knows.
// A report that is ahead of the cache counts as the last one that was not.
func (b *hostBoard) believed(r report) HostStatus {
	h := r.HostStatus
	w := Write{Revision: h.Applied, Mark: h.Mark}
	if h.Applied == 0 {
		return h
	}
	known := b.policy.has(w)
	switch {
	case r.written <= max(b.before, b.view.noticed):
		h.Doubt = "no report since the store was restored from a backup"
	case known == history.Included, known == history.TooOld && (h.Mark == "" || b.proves(w) == link.SameHistory):
		b.reached[h.Host] = h.Applied
		return b.further(h)
	case known == history.NotYet && b.reached[h.Host] > 0:
		return upTo(h, b.reached[h.Host])
	case known == history.NotYet:
		h.Doubt = fmt.Sprintf("it reports revision %d, and the store is not there yet", h.Applied)
	case known == history.TooOld && b.proves(w) == link.Unproven:
		// Nobody saw a loss, but perhaps nobody was there to see it.
		h.Doubt = fmt.Sprintf("it reports revision %d, and etcd has nothing left that tells whether that was in this history", h.Applied)
	default:
		h.Doubt = fmt.Sprintf("it reports revision %d of a history that the store does not have", h.Applied)
	}
	return upTo(h, 0)
}

// maxProved bounds how many writes are remembered that were looked up.
const maxProved = 4096

// proves says whether a write is in the history that the cache does not remember,
// and has it looked up if that is not known yet.
func (b *hostBoard) proves(w Write) link.Lineage {
	l, asked := b.proved[w]
	if !asked {
		select {
		case b.doubts <- struct{}{}:
		default:
		}
		return link.Unproven
	}
	return l
}

// further is a report that is believed as to Applied, without what is further unless
// the policy has the write that it speaks of. The revisions between the two are of the
// same history then.
func (b *hostBoard) further(h HostStatus) HostStatus {
	if h.Latest <= h.Applied || b.policy.has(Write{Revision: h.Latest, Mark: h.LatestMark}) == history.Included {
		return h
	}
	return upTo(h, h.Applied)
}

// upTo is a report of no later revision than that.
func upTo(h HostStatus, rev int64) HostStatus {
	if h.Latest > rev {
		h.Latest, h.LatestMark = 0, ""
	}
	h.Applied, h.NICs = min(h.Applied, rev), slices.Clone(h.NICs)
	for i := range h.NICs {
		h.NICs[i].Applied = min(h.NICs[i].Applied, rev)
	}
	return h
}

func (b *hostBoard) Load(pages func(func(*mvccpb.KeyValue) error) error) error {
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
		b.restores.NoticeReported(h.Lost)
		return nil
	})
	if err != nil {
		return err
	}
	_ = b.prove(slices.Collect(maps.Values(hosts))) // or later
	b.mu.Lock()
	if b.anew {
		b.before, b.anew = latest, false
	}
	b.hosts, b.sorted, b.believes, b.loaded = hosts, nil, nil, true
	b.plugged = plugged{at: map[string][]string{}}
	for name, h := range hosts {
		b.plugged.replug(name, nil, h.NICs)
	}
	b.mu.Unlock()
	b.pulse.Beat()
	return nil
}

func (b *hostBoard) Events(_ int64, events []*clientv3.Event) error {
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
			b.restores.NoticeReported(h.Lost)
		}
	}
	_ = b.prove(said) // or later
	b.mu.Lock()
	for _, e := range events {
		if e.Type == clientv3.EventTypeDelete {
			name := strings.TrimPrefix(string(e.Kv.Key), b.store.link.Keys.Hosts())
			b.plugged.replug(name, b.hosts[name].NICs, nil)
			delete(b.hosts, name)
			delete(b.believes, name)
		}
	}
	for _, h := range said {
		b.plugged.replug(h.Host, b.hosts[h.Host].NICs, h.NICs)
		b.hosts[h.Host] = h
		delete(b.believes, h.Host)
	}
	b.sorted = nil
	b.mu.Unlock()
	b.pulse.Beat()
	return nil
}

// prove asks etcd for the writes that hosts speak of, where they are older than
// what the cache remembers.
func (b *hostBoard) prove(said []report) error {
	for _, h := range said {
		w := Write{Revision: h.Applied, Mark: h.Mark}
		b.mu.Lock()
		_, asked := b.proved[w]
		b.mu.Unlock()
		if asked || h.Applied == 0 || h.Mark == "" || b.policy.has(w) != history.TooOld {
			continue
		}
		ctx, cancel := context.WithTimeout(b.store.link.Ctx, b.store.link.Config.RequestTimeout)
		t, err := b.store.link.Testify(ctx, w)
		cancel()
		if err != nil {
			return err
		}
		b.mu.Lock()
		if len(b.proved) >= maxProved {
			clear(b.proved)
		}
		b.proved[w] = t.Lineage
		b.believes = nil // others may speak of the same write
		b.mu.Unlock()
	}
	return nil
}

// keepBelieving looks again at what reports are worth when it becomes known what
// the store lost, and proves what could not be when a report came: the policy was
// not known yet, or etcd did not answer.
func (b *hostBoard) keepBelieving() {
	for {
		lost := b.restores.Changed()
		b.mu.Lock()
		b.believes = nil
		b.mu.Unlock()
		b.pulse.Beat()
		select {
		case <-b.store.link.Ctx.Done():
			return
		case <-lost:
		case <-b.doubts:
			b.mu.Lock()
			said := slices.Collect(maps.Values(b.hosts))
			b.mu.Unlock()
			for i := range said {
				said[i] = b.relays.of(said[i])
			}
			if b.prove(said) != nil { // what is still open asks again
				b.store.link.Idle(link.RetryDelayMax)
			}
		}
	}
}

// again has the reports looked at again of hosts that have their streams at some relays.
func (b *hostBoard) again(relays map[string]bool) {
	b.mu.Lock()
	maps.DeleteFunc(b.believes, func(name string, _ HostStatus) bool { return relays[b.hosts[name].Relay] })
	b.sorted = nil
	b.mu.Unlock()
	b.pulse.Beat()
}

// decode passes over reports it cannot read, of a newer host say: they are no
// reason to lose sight of the others, and an older report stays, outdated.
func (b *hostBoard) decode(kv *mvccpb.KeyValue) (report, bool) {
	h, err := record.DecodeHost(strings.TrimPrefix(string(kv.Key), b.store.link.Keys.Hosts()), kv.Value)
	if err != nil {
		b.store.link.Config.Logger.Warn("host status ignored", "error", &RecordError{Key: string(kv.Key), Err: err})
		return report{}, false
	}
	return report{h, kv.ModRevision}, true
}

// Forget has no report believed. Those that the store has now may be of hosts
// that went on since: they count when the hosts have spoken again.
func (b *hostBoard) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sorted, b.believes, b.anew, b.before = nil, nil, true, math.MaxInt64
	clear(b.proved)
	clear(b.reached)
}

func (b *hostBoard) Doubt()                       {}
func (b *hostBoard) Behind(*mvccpb.KeyValue) bool { return false }
