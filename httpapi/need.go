package httpapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// need says which revision each host must have applied.
type need map[string]int64

func (n need) require(hosts []string, rev int64) {
	for _, h := range hosts {
		n[h] = max(n[h], rev)
	}
}

// lagging returns the hosts that have not applied what they must. A host that
// is gone from the store has not.
func (n need) lagging(hosts []store.HostStatus, now time.Time) []laggard {
	late := []laggard{}
	seen := 0
	for i := range hosts {
		h := &hosts[i]
		rev, needed := n[h.Host]
		if !needed {
			continue
		}
		seen++
		if h.Applied < rev {
			late = append(late, laggard{&h.Host, h.Applied, lagReason(h, now), len(h.Errors) > 0})
		}
	}
	if seen < len(n) {
		for host := range n {
			if !reports(hosts, host) {
				late = append(late, laggard{&host, 0, "the host is not known any more", false})
			}
		}
	}
	return late
}

// lost says of all hosts that what they were to apply is not in the store any more.
func (n need) lost() []laggard {
	late := []laggard{}
	for _, host := range slices.Sorted(maps.Keys(n)) {
		late = append(late, laggard{&host, 0, "the store was restored from a backup meanwhile: the revision may be lost", false})
	}
	return late
}

func reports(hosts []store.HostStatus, host string) bool {
	for i := range hosts {
		if hosts[i].Host == host {
			return true
		}
	}
	return false
}

func lagReason(h *store.HostStatus, now time.Time) string {
	switch silent := silence(h, false, now); {
	case h.Doubt != "":
		return h.Doubt
	case !h.Heartbeat.IsZero() && silent > hostSilence:
		return fmt.Sprintf("no word from the host's controller for %v", silent.Round(time.Second))
	case !h.Connected:
		return "the host's controller has no connection to its switch"
	case len(h.Errors) > 0:
		return strings.Join(h.Errors, "; ")
	}
	return "not applied yet"
}

// needs works out who must have applied what so that the policy, as far as i
// goes, is in force at rev: the hosts that i concerns now; and those that had to
// judge connections again when something was taken away from the same NICs or
// groups. If the change at rev is not known here (an API process that started
// later, or lost contact), it may have been such a one.
func (a *API) needs(v *plan.View, i plan.Impact, rev int64) need {
	hosts := a.store.Hosts()
	n := need{}
	now := concern{i, v}
	n.require(now.hosts(hosts), rev)
	t := taken{v: v, of: plugged(v, hosts), domains: map[string]int64{}, groups: map[secgroup.GroupRef]map[string]bool{}}
	known := a.past.impacts(rev, func(at int64, earlier plan.Impact) {
		if earlier.TakesAway && touch(earlier, i) {
			t.add(earlier, at)
		}
	})
	if !known {
		t.add(i, rev)
	}
	t.require(n, hosts)
	return n
}

// taken collects from which routing domains something was taken away, and when
// last. It looks at those alone in which NICs are plugged.
type taken struct {
	v       *plan.View
	of      map[string]bool
	domains map[string]int64
	groups  map[secgroup.GroupRef]map[string]bool // domains of a group's NICs
}

func (t *taken) add(i plan.Impact, at int64) {
	groups := i.Groups
	i.Groups = nil
	direct := concern{i, t.v}
	t.mark(direct.domains(t.of), at)
	for g := range groups {
		if t.groups[g] == nil {
			members := concern{plan.Impact{Groups: map[secgroup.GroupRef]struct{}{g: {}}}, t.v}
			t.groups[g] = members.domains(t.of)
		}
		t.mark(t.groups[g], at)
	}
}

func (t *taken) mark(domains map[string]bool, at int64) {
	for d := range domains {
		t.domains[d] = max(t.domains[d], at)
	}
}

// require adds what the hosts with NICs in those domains must have applied.
func (t *taken) require(n need, hosts []store.HostStatus) {
	for _, h := range hosts {
		var rev int64
		for _, at := range h.NICs {
			if nic := t.v.NIC(at.ID); nic != nil {
				rev = max(rev, t.domains[t.v.Domain(nic)])
			}
		}
		if rev > 0 {
			n.require([]string{h.Host}, rev)
		}
	}
}

// touch reports whether two impacts have a NIC or a group in common.
func touch(a, b plan.Impact) bool {
	return a.All || b.All || common(a.NICs, b.NICs) || common(a.Groups, b.Groups)
}

func common[K comparable](a, b map[K]struct{}) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	for k := range a {
		if _, both := b[k]; both {
			return true
		}
	}
	return false
}
