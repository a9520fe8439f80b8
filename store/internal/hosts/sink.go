package hosts

import (
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/record"
)

// Load implements link.Sink.
func (b *Board) Load(pages func(func(*mvccpb.KeyValue) error) error) error {
	reports := map[string]report{}
	var latest int64
	b.mu.Lock()
	known := b.reports // replaced below, and until then changed by nobody else
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
		reports[h.Host] = h
		b.restores.NoticeReported(h.Lost)
		return nil
	})
	if err != nil {
		return err
	}
	_, _ = b.belief.lookUp(slices.Collect(maps.Values(reports))) // or later
	b.mu.Lock()
	b.belief.loaded(latest)
	b.reports, b.sorted, b.believed, b.seen, b.loaded = reports, nil, nil, latest, true
	b.plugs = plugs{hosts: map[string][]string{}}
	for host, h := range reports {
		b.plugs.replace(host, nil, h.NICs)
	}
	b.mu.Unlock()
	b.pulse.Beat()
	return nil
}

// Events implements link.Sink.
func (b *Board) Events(rev int64, events []*clientv3.Event) error {
	fresh := make([]report, 0, len(events))
	for _, e := range events {
		if e.Type != clientv3.EventTypePut {
			continue
		}
		if h, ok := b.decode(e.Kv); ok {
			// The host wrote this a moment ago: now is the time to compare clocks.
			h.Seen = time.Now()
			h.Skew, h.SkewKnown = h.Heartbeat.Sub(h.Seen), !h.Heartbeat.IsZero()
			fresh = append(fresh, h)
			b.restores.NoticeReported(h.Lost)
		}
	}
	learned, _ := b.belief.lookUp(fresh) // or later
	b.mu.Lock()
	if learned {
		b.believed = nil
	}
	for _, e := range events {
		if e.Type == clientv3.EventTypeDelete {
			host := strings.TrimPrefix(string(e.Kv.Key), b.link.Keys.Hosts())
			b.plugs.replace(host, b.reports[host].NICs, nil)
			delete(b.reports, host)
			delete(b.believed, host)
		}
	}
	for _, h := range fresh {
		b.plugs.replace(h.Host, b.reports[h.Host].NICs, h.NICs)
		b.reports[h.Host] = h
		delete(b.believed, h.Host)
	}
	b.sorted, b.seen = nil, rev
	b.mu.Unlock()
	b.pulse.Beat()
	return nil
}

// decode passes over reports it cannot read, of a newer host say: they are no
// reason to lose sight of the others, and an older report stays, outdated.
func (b *Board) decode(kv *mvccpb.KeyValue) (report, bool) {
	h, err := record.DecodeHost(strings.TrimPrefix(string(kv.Key), b.link.Keys.Hosts()), kv.Value)
	if err != nil {
		b.link.Config.Logger.Warn("host status ignored", "error", &record.Error{Key: string(kv.Key), Err: err})
		return report{}, false
	}
	return report{h, kv.ModRevision}, true
}

// Forget implements link.Sink.
func (b *Board) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.belief.forget()
	b.sorted, b.believed = nil, nil
}

// Doubt implements link.Sink.
func (b *Board) Doubt() {}

// Behind implements link.Sink.
func (b *Board) Behind(*mvccpb.KeyValue) bool { return false }
