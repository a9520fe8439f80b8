package store

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// PutRelay writes how the hosts stand that have their stream at a relay. It lasts as
// long as this process does.
func (s *Store) PutRelay(ctx context.Context, r RelayStanding) error {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	value, err := record.Marshal(record.RelayToRecord(r))
	if err != nil {
		return &OpError{Op: "put relay", Err: err}
	}
	lease, err := s.leaseSeats(ctx)
	if err == nil {
		_, err = s.link.Client.Put(ctx, s.link.Keys.Relay(r.Relay), value, clientv3.WithLease(lease))
	}
	if err != nil {
		return s.link.Failed("put relay", err)
	}
	return nil
}

// PutHosts writes reports of hosts whose names this process has, see PutHost, many in
// one transaction. It returns those whose names it has not any more: their reports
// are not written. A host that leaves gives its name up.
func (s *Store) PutHosts(ctx context.Context, hosts []HostStatus, leave bool) (lost []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	for len(hosts) > 0 {
		some := hosts[:s.together(hosts)]
		hosts = hosts[len(some):]
		not, err := s.putHosts(ctx, some, leave)
		if err != nil {
			return lost, s.link.Failed("put hosts", err)
		}
		lost = append(lost, not...)
	}
	return lost, nil
}

// nicsTogether bounds the NICs in the reports of one transaction, of some 100 bytes each.
const nicsTogether = 2000

// together is how many of some hosts are reported in one transaction.
func (s *Store) together(hosts []HostStatus) int {
	most := max(1, s.link.Config.MaxTxnOps/2) // a report is a transaction of its own, which etcd counts apart
	n, nics := 1, len(hosts[0].NICs)
	for n < min(most, len(hosts)) {
		if nics += len(hosts[n].NICs); nics > nicsTogether {
			break
		}
		n++
	}
	return n
}

// putHosts makes one transaction, and returns of whom nothing was written.
func (s *Store) putHosts(ctx context.Context, hosts []HostStatus, leave bool) (lost []string, err error) {
	writes := make([]hostWrite, len(hosts))
	for i, h := range hosts {
		report, err := s.reportOp(h)
		if err != nil {
			return nil, err
		}
		writes[i] = hostWrite{h.Host, []clientv3.Op{report}}
		if leave {
			writes[i].ops = append(writes[i].ops, clientv3.OpDelete(s.link.Keys.Seat(h.Host)))
		}
	}
	made, _, err := s.putEach(ctx, writes)
	for i, is := range made {
		if !is {
			lost = append(lost, hosts[i].Host)
		}
	}
	return lost, err
}

// SeatFree tells whether nobody has the name of a host.
func (s *Store) SeatFree(ctx context.Context, host string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	r, err := s.link.Client.Get(ctx, s.link.Keys.Seat(host), clientv3.WithCountOnly())
	if err != nil {
		return false, s.link.Failed("seat", err)
	}
	return r.Count == 0, nil
}

// relayBoard is the sink that holds how relays say that their hosts stand.
type relayBoard struct {
	keys    record.Layout
	warn    func(*RecordError)
	changed func(relays map[string]bool)

	mu  sync.Mutex
	all map[string]standing
}

// standing is what a relay said, the etcd revision that wrote it, and when this process
// heard of it: zero of what was there before it began to look.
type standing struct {
	RelayStanding
	written int64
	heard   time.Time
	gone    bool // the relay is: its hosts were heard of until then
}

// goneFor is how long a relay that is gone is remembered.
const goneFor = time.Hour

func (s *Store) startRelays(changed func(relays map[string]bool)) *relayBoard {
	b := &relayBoard{keys: s.link.Keys, changed: changed, all: map[string]standing{}}
	b.warn = func(err *RecordError) { s.link.Config.Logger.Warn("standing of a relay ignored", "error", err) }
	s.link.Spawn(func() {
		f := &link.Feed{Config: s.link.Config, Route: s.link.Route, Prefix: s.link.Keys.Relays(), Probe: s.link.Keys.Head(), Sink: b, Health: link.NewHealth()}
		_ = f.Run(s.link.Ctx) // ends with the store only
	})
	return b
}

func (b *relayBoard) Load(pages func(func(*mvccpb.KeyValue) error) error) error {
	all := map[string]standing{}
	err := pages(func(kv *mvccpb.KeyValue) error {
		b.take(all, kv, time.Time{})
		return nil
	})
	if err != nil {
		return err
	}
	said := map[string]bool{}
	b.mu.Lock()
	for name := range b.all {
		said[name] = true
	}
	for name := range all {
		said[name] = true
	}
	b.all = all
	b.mu.Unlock()
	b.changed(said)
	return nil
}

func (b *relayBoard) Events(_ int64, events []*clientv3.Event) error {
	b.mu.Lock()
	all := maps.Clone(b.all)
	b.mu.Unlock()
	said := map[string]bool{}
	for _, e := range events {
		said[strings.TrimPrefix(string(e.Kv.Key), b.keys.Relays())] = true
		if e.Type == clientv3.EventTypeDelete {
			maps.DeleteFunc(all, func(_ string, r standing) bool { return r.gone && time.Since(r.heard) > goneFor })
			name := strings.TrimPrefix(string(e.Kv.Key), b.keys.Relays())
			all[name] = standing{heard: all[name].heard, gone: true}
			continue
		}
		b.take(all, e.Kv, time.Now())
	}
	b.mu.Lock()
	b.all = all
	b.mu.Unlock()
	b.changed(said)
	return nil
}

func (b *relayBoard) take(all map[string]standing, kv *mvccpb.KeyValue, heard time.Time) {
	name := strings.TrimPrefix(string(kv.Key), b.keys.Relays())
	r, err := record.DecodeRelay(name, kv.Value)
	if err != nil {
		b.warn(&RecordError{Key: string(kv.Key), Err: err})
		delete(all, name)
		return
	}
	all[name] = standing{RelayStanding: r, written: kv.ModRevision, heard: heard}
}

func (b *relayBoard) Forget()                      {}
func (b *relayBoard) Doubt()                       {}
func (b *relayBoard) Behind(*mvccpb.KeyValue) bool { return false }

// of is a report with what its relay says of the host since: what it has applied, and
// that it is there. Without the relay's word it is as it was when it was written.
func (b *relayBoard) of(r report) report {
	if r.Relay == "" {
		return r
	}
	b.mu.Lock()
	now, there := b.all[r.Relay]
	b.mu.Unlock()
	if now.heard.After(r.Seen) {
		r.Seen = now.heard
	}
	if !there || now.gone {
		return r
	}
	r.Attached = true
	r.written = max(r.written, now.written)
	r.Applied, r.Mark = now.Revision, now.Mark
	r.Latest, r.LatestMark = 0, ""
	at, behind := now.Behind[r.Host]
	further := now.Further[r.Host]
	if behind {
		r.Applied, r.Mark = at, ""
		if further.Latest > at {
			r.Latest = further.Latest
		}
	}
	nics := make([]HostNIC, len(r.NICs))
	for i, n := range r.NICs {
		if n.Ready {
			n.Applied = max(r.Applied, r.Latest)
			if is, held := further.Behind[n.ID]; held && r.Latest > 0 {
				n.Applied = max(r.Applied, min(is, r.Latest))
			}
		}
		nics[i] = n
	}
	r.NICs = nics
	return r
}
