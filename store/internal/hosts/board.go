package hosts

import (
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

// Policy is the policy as this process follows it.
type Policy interface {
	// Has says whether its history has a write.
	Has(w record.Write) history.Knowledge
	// At says how far it is, and in which history, counted from 1.
	At() (number, revision int64)
}

// Board is the sink that holds the hosts' reports.
type Board struct {
	link     *link.Link
	policy   Policy
	restores *history.Restores
	relays   *relays
	health   *link.Health
	pulse    link.Pulse    // beats when something else may be believed
	unproven chan struct{} // has one when a report speaks of a write that is still to be looked up

	mu      sync.Mutex
	reports map[string]report // by host
	plugs   plugs             // of all reports
	loaded  bool

	lineages map[record.Write]link.Lineage // of writes that the policy does not remember: whether its history has them
	reached  map[string]int64              // what each host had applied in this history when its word was last believed
	outdated int64                         // reports up to this etcd revision were written before this process saw that the store was restored
	restored bool                          // the next load is the first since then

	view     view
	believed map[string]record.HostStatus // by host, those reports that were asked for by the view
	sorted   []record.HostStatus          // all of them by host; nil = not asked for
}

// report is what a host said, and the etcd revision that wrote it.
type report struct {
	record.HostStatus
	written int64
}

// Follow follows the reports of all hosts, until the link is closed.
func Follow(l *link.Link, policy Policy, restores *history.Restores) *Board {
	b := newBoard(l, policy, restores)
	b.relays.follow(l)
	l.Spawn(b.lookAgain)
	l.Spawn(func() {
		defer l.Register(b.health)()
		f := &link.Feed{Config: l.Config, Route: l.Route, Prefix: l.Keys.Hosts(), Probe: l.Keys.Head(), Sink: b, Health: b.health}
		_ = f.Run(l.Ctx) // ends with the link only
	})
	return b
}

func newBoard(l *link.Link, policy Policy, restores *history.Restores) *Board {
	b := &Board{
		link: l, policy: policy, restores: restores, health: link.NewHealth(), unproven: make(chan struct{}, 1),
		reports: map[string]report{}, plugs: plugs{hosts: map[string][]string{}},
		lineages: map[record.Write]link.Lineage{}, reached: map[string]int64{},
	}
	b.relays = newRelays(l, b.judgeAgain)
	return b
}

// Changed is closed when the hosts may be otherwise than at the time of the call.
func (b *Board) Changed() <-chan struct{} { return b.pulse.Next() }

// All returns the reports as they are believed, sorted by host; nobody may change them.
func (b *Board) All() (reports []record.HostStatus, loaded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.refresh() {
		return nil, false
	}
	if b.sorted == nil {
		b.sorted = make([]record.HostStatus, 0, len(b.reports))
		for _, host := range slices.Sorted(maps.Keys(b.reports)) {
			h, _ := b.believe(host)
			b.sorted = append(b.sorted, h)
		}
	}
	return b.sorted, true
}

// Host returns the report of one host as it is believed, and looks at no other.
func (b *Board) Host(name string) (h record.HostStatus, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.refresh() {
		return h, false
	}
	return b.believe(name)
}

// Undone returns those of some hosts, a slice that it may change, of which done does not
// say so by their reports. It looks at no others.
func (b *Board) Undone(some []string, done func(*record.HostStatus) bool) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.refresh() {
		return some
	}
	return slices.DeleteFunc(some, func(host string) bool {
		h, known := b.believe(host)
		return known && done(&h)
	})
}

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
	_ = b.lookUp(slices.Collect(maps.Values(reports))) // or later
	b.mu.Lock()
	if b.restored {
		b.outdated, b.restored = latest, false
	}
	b.reports, b.sorted, b.believed, b.loaded = reports, nil, nil, true
	b.plugs = plugs{hosts: map[string][]string{}}
	for host, h := range reports {
		b.plugs.replace(host, nil, h.NICs)
	}
	b.mu.Unlock()
	b.pulse.Beat()
	return nil
}

// Events implements link.Sink.
func (b *Board) Events(_ int64, events []*clientv3.Event) error {
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
	_ = b.lookUp(fresh) // or later
	b.mu.Lock()
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
	b.sorted = nil
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

// Forget implements link.Sink: no report is believed. Those that the store has now may be
// of hosts that went on since: they count when the hosts have spoken again.
func (b *Board) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sorted, b.believed, b.restored, b.outdated = nil, nil, true, math.MaxInt64
	clear(b.lineages)
	clear(b.reached)
}

// Doubt implements link.Sink.
func (b *Board) Doubt() {}

// Behind implements link.Sink.
func (b *Board) Behind(*mvccpb.KeyValue) bool { return false }
