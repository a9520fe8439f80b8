package realization

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Need says what must be applied where, by host.
type Need map[string]*must

// must is what a host must have applied: a revision, or for each of the NICs there that
// it is about the latest one that concerns that NIC. So a sweep of other NICs'
// connections holds up nobody.
type must struct {
	rev  int64
	nics map[string]int64 // nil: whatever NICs
}

// mostNICs bounds the NICs of one need, of some 100 bytes each; hosts beyond are
// waited for as a whole.
const mostNICs = 4096

// add has a host apply a revision, as far as a NIC is concerned.
func (n Need) add(host, nic string, rev int64) {
	m := n[host]
	if m == nil {
		m = &must{nics: map[string]int64{}}
		n[host] = m
	}
	m.rev = max(m.rev, rev)
	if m.nics != nil {
		m.nics[nic] = max(m.nics[nic], rev)
	}
}

// bound forgets the NICs of hosts where there are too many of them.
func (n Need) bound() {
	all := 0
	for _, host := range slices.Sorted(maps.Keys(n)) {
		if all += len(n[host].nics); all > mostNICs {
			n[host].nics = nil
		}
	}
}

// Require has hosts apply what concerns NICs of theirs, at a revision.
func (n Need) Require(c *Concern, b Board, rev int64) {
	c.eachPlug(b, func(host, nic string) { n.add(host, nic, rev) })
	n.bound()
}

// Hosts returns those that must apply something, sorted.
func (n Need) Hosts() []string {
	return append([]string{}, slices.Sorted(maps.Keys(n))...)
}

// by reports whether a host has applied it. A NIC that the host does not serve (any
// more) is applied with all others.
func (m *must) by(h *store.HostStatus) bool {
	if h.Applied >= m.rev {
		return true
	}
	if h.Latest <= h.Applied || m.nics == nil {
		return false
	}
	for id, rev := range m.nics {
		if rev <= h.Applied {
			continue
		}
		i, here := slices.BinarySearchFunc(h.NICs, id, func(n store.HostNIC, id string) int { return strings.Compare(n.ID, id) })
		if !here || h.NICs[i].Applied < rev {
			return false
		}
	}
	return true
}

// lagging returns the hosts that have not applied what they must. A host that
// is gone from the store has not.
func (n Need) lagging(of func(host string) (store.HostStatus, bool), now time.Time) []Laggard {
	late := []Laggard{}
	for _, host := range n.Hosts() {
		h, known := of(host)
		switch {
		case !known:
			late = append(late, Laggard{&host, 0, "the host is not known any more", false})
		case !n[host].by(&h):
			late = append(late, Laggard{&host, h.Applied, lagReason(&h, now), len(h.Errors) > 0})
		}
	}
	return late
}

// lost says of all hosts that what they were to apply is not in the store any more.
func (n Need) lost() []Laggard {
	late := []Laggard{}
	for _, host := range slices.Sorted(maps.Keys(n)) {
		late = append(late, Laggard{&host, 0, "the store was restored from a backup meanwhile: the revision may be lost", false})
	}
	return late
}

// MaxSilence is how long a host may be silent before it is called dead, which
// changes nothing but the reason shown.
const MaxSilence = 30 * time.Second

// Silence is how long nothing has been heard of a host. Reports are timed by
// this process when they come, since clocks differ. One that was there before
// this process began to look tells the host's time alone; then a seat, which
// ends by etcd's time, says that the host is alive.
func Silence(h *store.HostStatus, seated bool, now time.Time) time.Duration {
	switch {
	case h.Attached:
		return 0
	case !h.Seen.IsZero():
		return now.Sub(h.Seen)
	case seated:
		return 0
	}
	return now.Sub(h.Heartbeat)
}

func lagReason(h *store.HostStatus, now time.Time) string {
	switch silent := Silence(h, false, now); {
	case h.Doubt != "":
		return h.Doubt
	case !h.Heartbeat.IsZero() && silent > MaxSilence:
		return fmt.Sprintf("no word from the host's controller for %v", silent.Round(time.Second))
	case !h.Connected:
		return "the host's controller has no connection to its switch"
	case len(h.Errors) > 0:
		return strings.Join(h.Errors, "; ")
	}
	return "not applied yet"
}

// Needs works out who must have applied what so that the policy, as far as i
// goes, is in force at rev: the hosts that i concerns now, and those that earlier
// changes of the same NICs or groups concerned: whoever asks for what was asked for
// before waits for as much. If the change at rev is not known here (an API process
// that started later, or lost contact), it may have concerned any NIC that those
// of i can reach.
func (h *History) Needs(s *secgroup.Snapshot, b Board, i impact.Impact, rev int64) Need {
	n := Need{}
	now := Concern{i, s}
	n.Require(&now, b, rev)
	earlier := latest{nics: map[string]int64{}, groups: map[secgroup.GroupRef]int64{}}
	known := h.impacts(rev, func(at int64, e impact.Impact) {
		if e.Overlaps(&i) {
			earlier.add(e, at)
		}
	})
	was := Concern{earlier.impact(), s}
	was.eachPlug(b, func(host, nic string) { n.add(host, nic, earlier.of(s, nic, s.NIC(nic))) })
	if !known {
		n.near(&now, b.Hosts(), rev)
	}
	n.bound()
	return n
}

// near has hosts apply a revision at which any NIC may have been concerned that those
// of c can reach.
func (n Need) near(c *Concern, hosts []store.HostStatus, rev int64) {
	near := c.Domains(Plugged(c.Policy, hosts))
	for _, host := range hosts {
		for _, at := range host.NICs {
			if nic := c.Policy.NIC(at.ID); nic != nil && near[c.Policy.Domain(nic)] {
				n.add(host.Host, at.ID, rev)
			}
		}
	}
}

// latest says when something concerned a NIC last, among some impacts.
type latest struct {
	nics   map[string]int64
	groups map[secgroup.GroupRef]int64 // the NICs that these judge
}

func (l *latest) add(i impact.Impact, at int64) {
	for id := range i.NICs {
		l.nics[id] = max(l.nics[id], at)
	}
	for g := range i.Groups {
		l.groups[g] = max(l.groups[g], at)
	}
}

// impact is whom these impacts concerned.
func (l *latest) impact() (i impact.Impact) {
	for id := range l.nics {
		i.AddNIC(id)
	}
	for g := range l.groups {
		i.AddGroup(g)
	}
	return i
}

// of takes a NIC's id, and the NIC if the policy has it. It returns 0 for never.
func (l *latest) of(s *secgroup.Snapshot, id string, n *secgroup.NIC) int64 {
	at := l.nics[id]
	if n == nil || len(l.groups) == 0 {
		return at
	}
	for _, e := range s.EffectiveGroups(n) {
		at = max(at, l.groups[e.Group])
	}
	return at
}
