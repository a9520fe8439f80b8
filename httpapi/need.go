package httpapi

import (
	"fmt"
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
			late = append(late, laggard{h.Host, h.Applied, lagReason(h, now)})
		}
	}
	if seen < len(n) {
		for host := range n {
			if !reports(hosts, host) {
				late = append(late, laggard{host, 0, "the host is not known any more"})
			}
		}
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
	switch silent := now.Sub(h.Heartbeat); {
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
	now := concernOf(v, i)
	n.require(now.hosts(v, hosts), rev)
	t := taken{v: v, domains: map[string]int64{}, groups: map[secgroup.GroupRef]map[string]struct{}{}}
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
// last.
type taken struct {
	v       *plan.View
	domains map[string]int64
	groups  map[secgroup.GroupRef]map[string]struct{} // domains of a group's NICs
	all     int64                                     // from every domain
}

func (t *taken) add(i plan.Impact, at int64) {
	if i.All {
		t.all = max(t.all, at)
	}
	mark := func(domains map[string]struct{}) {
		for d := range domains {
			t.domains[d] = max(t.domains[d], at)
		}
	}
	mark(i.Domains)
	for id := range i.NICs {
		if n := t.v.NIC(id); n != nil {
			t.domains[t.v.Domain(n)] = max(t.domains[t.v.Domain(n)], at)
		}
	}
	for g := range i.Groups {
		if t.groups[g] == nil {
			t.groups[g] = map[string]struct{}{}
			for _, n := range t.v.MemberNICs(g) {
				t.groups[g][t.v.Domain(n)] = struct{}{}
			}
		}
		mark(t.groups[g])
	}
}

// require adds what the hosts with NICs in those domains must have applied.
func (t *taken) require(n need, hosts []store.HostStatus) {
	for _, h := range hosts {
		var rev int64
		for _, at := range h.NICs {
			if nic := t.v.NIC(at.ID); nic != nil {
				rev = max(rev, t.all, t.domains[t.v.Domain(nic)])
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
