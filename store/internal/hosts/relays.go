package hosts

import (
	"maps"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// relays is the sink that holds how relays say that their hosts stand.
type relays struct {
	keys    record.Layout
	warn    func(*record.Error)
	changed func(relays map[string]bool) // is told which relays say something else

	mu  sync.Mutex
	all map[string]standing // by relay; replaced as a whole
}

// standing is what a relay said, the etcd revision that wrote it, and when this process
// heard of it: zero of what was there before it began to look.
type standing struct {
	record.RelayStanding
	written int64
	heard   time.Time
	gone    bool // the relay is: its hosts were heard of until then
}

// goneFor is how long a relay that is gone is remembered.
const goneFor = time.Hour

func newRelays(l *link.Link, changed func(relays map[string]bool)) *relays {
	return &relays{
		keys: l.Keys, changed: changed, all: map[string]standing{},
		warn: func(err *record.Error) { l.Config.Logger.Warn("standing of a relay ignored", "error", err) },
	}
}

func (r *relays) follow(l *link.Link) {
	l.Spawn(func() {
		f := &link.Feed{Config: l.Config, Route: l.Route, Prefix: r.keys.Relays(), Probe: r.keys.Head(), Sink: r, Health: link.NewHealth()}
		_ = f.Run(l.Ctx) // ends with the link only
	})
}

// Load implements link.Sink.
func (r *relays) Load(pages func(func(*mvccpb.KeyValue) error) error) error {
	all := map[string]standing{}
	err := pages(func(kv *mvccpb.KeyValue) error {
		r.read(all, kv, time.Time{})
		return nil
	})
	if err != nil {
		return err
	}
	changed := map[string]bool{}
	r.mu.Lock()
	for name := range r.all {
		changed[name] = true
	}
	for name := range all {
		changed[name] = true
	}
	r.all = all
	r.mu.Unlock()
	r.changed(changed)
	return nil
}

// Events implements link.Sink.
func (r *relays) Events(_ int64, events []*clientv3.Event) error {
	r.mu.Lock()
	all := maps.Clone(r.all)
	r.mu.Unlock()
	changed := map[string]bool{}
	for _, e := range events {
		name := strings.TrimPrefix(string(e.Kv.Key), r.keys.Relays())
		changed[name] = true
		if e.Type == clientv3.EventTypeDelete {
			maps.DeleteFunc(all, func(_ string, s standing) bool { return s.gone && time.Since(s.heard) > goneFor })
			all[name] = standing{heard: all[name].heard, gone: true}
			continue
		}
		r.read(all, e.Kv, time.Now())
	}
	r.mu.Lock()
	r.all = all
	r.mu.Unlock()
	r.changed(changed)
	return nil
}

// read adds a relay's word, or takes away the one of before if this cannot be read.
func (r *relays) read(all map[string]standing, kv *mvccpb.KeyValue, heard time.Time) {
	name := strings.TrimPrefix(string(kv.Key), r.keys.Relays())
	s, err := record.DecodeRelay(name, kv.Value)
	if err != nil {
		r.warn(&record.Error{Key: string(kv.Key), Err: err})
		delete(all, name)
		return
	}
	all[name] = standing{RelayStanding: s, written: kv.ModRevision, heard: heard}
}

// Forget implements link.Sink.
func (r *relays) Forget() {}

// Doubt implements link.Sink.
func (r *relays) Doubt() {}

// Behind implements link.Sink.
func (r *relays) Behind(*mvccpb.KeyValue) bool { return false }

// update returns a report with what its relay says of the host since: what it has
// applied, and that it is there. Without the relay's word it is as it was written.
func (r *relays) update(h report) report {
	if h.Relay == "" {
		return h
	}
	r.mu.Lock()
	relay, known := r.all[h.Relay]
	r.mu.Unlock()
	if relay.heard.After(h.Seen) {
		h.Seen = relay.heard
	}
	if !known || relay.gone {
		return h
	}
	h.Attached = true
	h.written = max(h.written, relay.written)
	h.Applied, h.Mark = relay.Revision, relay.Mark
	h.Latest, h.LatestMark = 0, ""
	further := relay.Further[h.Host]
	if behind, is := relay.Behind[h.Host]; is {
		h.Applied, h.Mark = behind, ""
		if further.Latest > behind {
			h.Latest = further.Latest
		}
	}
	nics := make([]record.HostNIC, len(h.NICs))
	for i, n := range h.NICs {
		if n.Ready {
			n.Applied = max(h.Applied, h.Latest)
			if at, is := further.Behind[n.ID]; is && h.Latest > 0 {
				n.Applied = max(h.Applied, min(at, h.Latest))
			}
		}
		nics[i] = n
	}
	h.NICs = nics
	return h
}
