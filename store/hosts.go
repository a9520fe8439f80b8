package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// PutHost writes what a host reports about itself, replacing what it said
// before. The host is h.Host, 1-64 characters without a slash. It is an
// ErrSeatTaken if another instance reports under that name.
func (s *Store) PutHost(ctx context.Context, h HostStatus) error {
	if h.Host == "" || len(h.Host) > 64 || strings.Contains(h.Host, "/") {
		return &OpError{Op: "put host", Err: errors.New("host: no name of 1-64 characters without /")}
	}
	value, err := marshal(hostToRecord(h))
	if err != nil {
		return &OpError{Op: "put host", Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
	defer cancel()
	put := clientv3.OpPut(s.keys.host(h.Host), value)
	if h.Instance != "" {
		return s.putSeated(ctx, h, put)
	}
	if _, err := s.client.Do(ctx, put); err != nil {
		return s.failed("put host", err)
	}
	return nil
}

// DeleteHost forgets a host that is no more, and writes notes in the same
// transaction; their conditions are passed over. It is no error if the host is
// unknown.
func (s *Store) DeleteHost(ctx context.Context, host string, notes ...NoteWrite) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.RequestTimeout)
	defer cancel()
	t, err := s.write(ctx, &draft{notes: notes})
	if err == nil {
		_, err = s.client.Txn(ctx).Then(append(t.ops, clientv3.OpDelete(s.keys.host(host)),
			clientv3.OpDelete(s.keys.member(host)), clientv3.OpDelete(s.keys.seat(host)), clientv3.OpDelete(s.keys.rival(host)))...).Commit()
	}
	if err != nil {
		return s.failed("delete host", err)
	}
	return nil
}

// Hosts returns the last report of each host, sorted by name, as this process
// has seen them. The caller must not change it. It is empty until the first
// load; WaitHosts waits for that.
func (s *Store) Hosts() []HostStatus {
	hosts, _, _ := s.hosts().state()
	return hosts
}

// WaitHosts blocks until done says so of the hosts' reports. It looks at once
// and after every report; reports that come fast may be seen together. It
// returns the end of ctx as it is.
func (s *Store) WaitHosts(ctx context.Context, done func([]HostStatus) bool) error {
	b := s.hosts()
	for {
		hosts, loaded, next := b.state()
		if loaded && done(hosts) {
			return nil
		}
		select {
		case <-s.ctx.Done():
			return &OpError{Op: "wait for hosts", Kind: ErrClosed}
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
		}
	}
}

// hostBoard is the sink that holds the hosts' reports.
type hostBoard struct {
	keys   layout
	health *health
	pulse  pulse
	warn   func(*RecordError)

	mu     sync.Mutex
	hosts  map[string]HostStatus
	sorted []HostStatus // nil = to be made
	loaded bool
}

func (s *Store) startHosts() *hostBoard {
	b := &hostBoard{keys: s.keys, health: newHealth(), hosts: map[string]HostStatus{}}
	b.warn = func(err *RecordError) { s.cfg.Logger.Warn("host status ignored", "error", err) }
	s.spawn(func() {
		defer s.register(b.health)()
		f := &feed{cfg: s.cfg, prefix: s.keys.hosts(), probe: s.keys.head(), sink: b, health: b.health}
		_ = f.run(s.ctx) // ends with the store only
	})
	return b
}

func (b *hostBoard) state() (hosts []HostStatus, loaded bool, next <-chan struct{}) {
	next = b.pulse.next()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sorted == nil {
		b.sorted = make([]HostStatus, 0, len(b.hosts))
		for _, name := range slices.Sorted(maps.Keys(b.hosts)) {
			b.sorted = append(b.sorted, b.hosts[name])
		}
	}
	return b.sorted, b.loaded, next
}

func (b *hostBoard) load(pages func(func(*mvccpb.KeyValue) error) error) error {
	hosts := map[string]HostStatus{}
	b.mu.Lock()
	known := b.hosts // replaced below, and until then changed by nobody else
	b.mu.Unlock()
	err := pages(func(kv *mvccpb.KeyValue) error {
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
	b.mu.Lock()
	b.hosts, b.sorted, b.loaded = hosts, nil, true
	b.mu.Unlock()
	b.pulse.beat()
	return nil
}

func (b *hostBoard) events(_ int64, events []*clientv3.Event) error {
	b.mu.Lock()
	for _, e := range events {
		if e.Type == clientv3.EventTypeDelete {
			delete(b.hosts, strings.TrimPrefix(string(e.Kv.Key), b.keys.hosts()))
		} else if h, ok := b.decode(e.Kv); ok {
			// The host wrote this a moment ago: now is the time to compare clocks.
			h.Seen = time.Now()
			h.Skew, h.SkewKnown = h.Heartbeat.Sub(h.Seen), !h.Heartbeat.IsZero()
			b.hosts[h.Host] = h
		}
	}
	b.sorted = nil
	b.mu.Unlock()
	b.pulse.beat()
	return nil
}

// decode passes over reports it cannot read, of a newer host say: they are no
// reason to lose sight of the others, and an older report stays, outdated.
func (b *hostBoard) decode(kv *mvccpb.KeyValue) (HostStatus, bool) {
	h, err := decodeHost(strings.TrimPrefix(string(kv.Key), b.keys.hosts()), kv.Value)
	if err != nil {
		b.warn(&RecordError{Key: string(kv.Key), Err: err})
		return HostStatus{}, false
	}
	return h, true
}

func (b *hostBoard) forget()                      {}
func (b *hostBoard) behind(*mvccpb.KeyValue) bool { return false }
