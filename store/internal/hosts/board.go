package hosts

import (
	"maps"
	"slices"
	"sync"

	"github.com/ringfence/ringfence/store/internal/history"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Board is the sink that holds the hosts' reports, and what of them is believed.
type Board struct {
	link     *link.Link
	restores *history.Restores
	relays   *relays
	health   *link.Health
	pulse    link.Pulse // beats when something else may be believed

	mu      sync.Mutex
	belief  *belief
	reports map[string]report // by host
	plugs   plugs             // of all reports
	seen    int64             // etcd's revision of the latest of them
	loaded  bool

	believed map[string]record.HostStatus // by host, those reports that were asked for since something else may be believed
	sorted   []record.HostStatus          // all of them by host; nil = not asked for
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
		link: l, restores: restores, health: link.NewHealth(), belief: newBelief(l, policy, restores),
		reports: map[string]report{}, plugs: plugs{hosts: map[string][]string{}},
	}
	b.relays = newRelays(l, b.judgeAgain)
	return b
}

// Changed is closed when the hosts may be otherwise than at the time of the call.
func (b *Board) Changed() <-chan struct{} { return b.pulse.Next() }

// Seen is etcd's revision of the latest report, or end of one, that is among what All returns.
func (b *Board) Seen() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}

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

// refresh forgets what was believed if something else may be believed now, and tells
// whether the reports are known. The caller holds mu; so for believe.
func (b *Board) refresh() (loaded bool) {
	if !b.loaded || !b.restores.IsLoaded() {
		return false
	}
	if b.belief.look() || b.believed == nil {
		b.believed, b.sorted = map[string]record.HostStatus{}, nil
	}
	return true
}

// believe is a host's report as it is believed now.
func (b *Board) believe(host string) (h record.HostStatus, known bool) {
	if h, known = b.believed[host]; known {
		return h, true
	}
	r, known := b.reports[host]
	if !known {
		return record.HostStatus{}, false
	}
	h = b.belief.judge(b.relays.update(r))
	b.believed[host] = h
	return h, true
}

// lookAgain judges the reports again when another restore becomes known, and looks up
// what could not be when a report came: the policy was not known yet, or etcd did not
// answer. It runs until the link is closed.
func (b *Board) lookAgain() {
	for {
		restored := b.restores.Changed()
		b.mu.Lock()
		b.believed = nil
		b.mu.Unlock()
		b.pulse.Beat()
		select {
		case <-b.link.Ctx.Done():
			return
		case <-restored:
		case <-b.belief.unproven:
			b.mu.Lock()
			reports := slices.Collect(maps.Values(b.reports))
			b.mu.Unlock()
			for i := range reports {
				reports[i] = b.relays.update(reports[i])
			}
			if _, err := b.belief.lookUp(reports); err != nil { // what is still open asks again
				b.link.Idle(link.RetryDelayMax)
			}
		}
	}
}

// judgeAgain is called when some relays have said something else of their hosts. The
// caller does not hold mu.
func (b *Board) judgeAgain(relays map[string]bool) {
	b.mu.Lock()
	maps.DeleteFunc(b.believed, func(host string, _ record.HostStatus) bool { return relays[b.reports[host].Relay] })
	b.sorted = nil
	b.mu.Unlock()
	b.pulse.Beat()
}
