package realization

import (
	"iter"
	"maps"
	"slices"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Concern is an impact seen in a policy that has the change.
type Concern struct {
	impact.Impact
	Policy *secgroup.Snapshot
}

// Board is what hosts report, as *store.Store has it.
type Board interface {
	Hosts() []store.HostStatus
	Host(name string) (store.HostStatus, bool)
	Places(nic string) []store.Place
	PlugCount() int
}

// Hosts returns the hosts that must apply the change: those where a concerned NIC
// is plugged. Each end of a connection judges for itself, so that nobody else has
// to do with it.
func (c *Concern) Hosts(b Board) []string {
	out := map[string]struct{}{}
	c.eachPlug(b, func(host, _ string) { out[host] = struct{}{} })
	return append([]string{}, slices.Sorted(maps.Keys(out))...)
}

// eachPlug calls f with each host and concerned NIC that is plugged there. It is as
// much work as there are concerned NICs, or plugged ones if these are fewer.
func (c *Concern) eachPlug(b Board, f func(host, nic string)) {
	if ids, few := c.few(b.PlugCount()); few {
		for id := range ids {
			for _, at := range b.Places(id) {
				f(at.Host, id)
			}
		}
		return
	}
	for _, h := range b.Hosts() {
		for _, at := range h.NICs {
			if c.Concerns(c.Policy, at.ID) {
				f(h.Host, at.ID)
			}
		}
	}
}

// few lists the concerned NICs, unless there are more than most, or it takes a look at
// each NIC to know: a closed group judges NICs that are not its members.
func (c *Concern) few(most int) (ids map[string]struct{}, few bool) {
	if c.All || len(c.NICs) > most {
		return nil, false
	}
	ids = maps.Clone(c.NICs)
	for ref := range c.Groups {
		if g := c.Policy.Group(ref); g != nil && g.Closed {
			return nil, false
		}
		for n := range c.Policy.EachMemberNIC(ref) {
			if impact.Put(&ids, n.ID); len(ids) > most {
				return nil, false
			}
		}
	}
	return ids, true
}

// Plugged returns the routing domains of the NICs that hosts have.
func Plugged(s *secgroup.Snapshot, hosts []store.HostStatus) map[string]bool {
	domains := map[string]bool{}
	for _, h := range hosts {
		for _, at := range h.NICs {
			if n := s.NIC(at.ID); n != nil && s.Domain(n) != "" {
				domains[s.Domain(n)] = true
			}
		}
	}
	return domains
}

// Domains returns those of some routing domains in which concerned NICs are, or
// from which something is lost.
func (c *Concern) Domains(of map[string]bool) map[string]bool {
	found := map[string]bool{}
	see := func(d string) bool {
		if of[d] {
			found[d] = true
		}
		return len(found) < len(of)
	}
	for p := range c.Loss.EndAddresses {
		see(p.Domain)
	}
	c.Each(func(n *secgroup.NIC) bool { return see(c.Policy.Domain(n)) })
	return found
}

// Each calls f with the concerned NICs that exist until it returns false, with
// some of them more than once.
func (c *Concern) Each(f func(*secgroup.NIC) bool) {
	for nics := range c.Sorted() {
		for n := range nics {
			if !f(n) {
				return
			}
		}
	}
}

// Sorted yields the concerned NICs that exist in several lists, each sorted by id, with
// some of them in more than one.
func (c *Concern) Sorted() iter.Seq[iter.Seq[*secgroup.NIC]] {
	return func(yield func(iter.Seq[*secgroup.NIC]) bool) {
		if c.All {
			yield(slices.Values(c.Policy.NICs()))
			return
		}
		own := func(yield func(*secgroup.NIC) bool) {
			for _, id := range slices.Sorted(maps.Keys(c.NICs)) {
				if n := c.Policy.NIC(id); n != nil && !yield(n) {
					return
				}
			}
		}
		if !yield(own) {
			return
		}
		for _, g := range slices.SortedFunc(maps.Keys(c.Groups), secgroup.GroupRef.Compare) {
			if !yield(c.Policy.EachMemberNIC(g)) {
				return
			}
		}
	}
}
