package realization

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// board is what hosts report, and counts for how many NICs it was asked.
type board struct {
	hosts []store.HostStatus
	asked int
	all   int // times that it gave all hosts
}

func (b *board) Hosts() []store.HostStatus { b.all++; return b.hosts }

func (b *board) Host(name string) (h store.HostStatus, known bool) {
	for _, h := range b.hosts {
		if h.Host == name {
			return h, true
		}
	}
	return h, false
}

func (b *board) Places(nic string) (all []store.Place) {
	b.asked++
	for _, h := range b.hosts {
		for _, n := range h.NICs {
			if n.ID == nic {
				all = append(all, store.Place{Host: h.Host, NIC: n})
			}
		}
	}
	return all
}

func (b *board) PlugCount() (n int) {
	for _, h := range b.hosts {
		n += len(h.NICs)
	}
	return n
}

// naive is who must have applied what, by a look at every NIC that is plugged.
func naive(h *History, s *secgroup.Snapshot, hosts []store.HostStatus, i impact.Impact, rev int64) Need {
	n := Need{}
	now := Concern{i, s}
	earlier := latest{nics: map[string]int64{}, groups: map[secgroup.GroupRef]int64{}}
	known := h.impacts(rev, func(at int64, e impact.Impact) {
		if e.Overlaps(&i) {
			earlier.add(e, at)
		}
	})
	near := map[string]bool{}
	if !known {
		near = now.Domains(Plugged(s, hosts))
	}
	for _, host := range hosts {
		for _, at := range host.NICs {
			nic := s.NIC(at.ID)
			last := earlier.of(s, at.ID, nic)
			if now.Concerns(s, at.ID) || nic != nil && near[s.Domain(nic)] {
				last = rev
			}
			if last > 0 {
				n.add(host.Host, at.ID, last)
			}
		}
	}
	return n
}

// Whom to wait for is found by what changed, and is what a look at every NIC that is
// plugged finds: in random policies and histories, with random plugs, of NICs too that
// the policy does not have.
func TestWhomToWaitFor(t *testing.T) {
	t.Parallel()
	waits, foreign := 0, 0
	for seed := range uint64(400) {
		g := policytest.Seeded(seed, policytest.Options{NICs: 16, Shares: seed%2 == 0})
		s := policytest.Load(g.Policy())
		if refs := s.Groups("acme"); seed%5 == 0 && len(refs) > 0 {
			closed := *refs[0]
			closed.Closed = true
			s, _ = s.With(2, []secgroup.Change{secgroup.Put(&closed)})
		}
		b := &board{}
		for i := range 1 + g.IntN(4) {
			h := store.HostStatus{Host: fmt.Sprint("host-", i), NICs: []store.HostNIC{{ID: "unknown"}}}
			for _, n := range s.NICs() {
				if g.IntN(3) == 0 {
					h.NICs = append(h.NICs, store.HostNIC{ID: n.ID})
				}
			}
			b.hosts = append(b.hosts, h)
		}
		h := NewHistory()
		var last impact.Impact
		for range 1 + g.IntN(6) {
			_, changes := g.Step(s)
			rev := s.Revision() + 1 + int64(g.IntN(2))
			after, _ := s.With(rev, changes)
			last = impact.Of(s, after, changes).Impact
			h.Record(s, after, store.Batch{Revision: rev, Changes: changes})()
			s = after
		}
		if g.IntN(4) == 0 {
			last.AddNIC("unknown")
		}
		rev := s.Revision() - int64(g.IntN(2))
		want, got := naive(h, s, b.hosts, last, rev), h.Needs(s, b, last, rev)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(must{})); diff != "" {
			t.Fatalf("seed %d: who must have applied what for %+v (-looked at one by one +found):\n%s", seed, last, diff)
		}
		waits += len(got)
		if !slices.Equal((&Concern{last, s}).Hosts(b), got.Hosts()) {
			foreign++ // earlier changes matter
		}
	}
	if waits < 300 || foreign < 10 {
		t.Errorf("%d hosts are waited for, in %d cases for earlier changes: nothing is tried", waits, foreign)
	}
}

// What a change of few NICs asks of the reports does not grow with the hosts.
func TestForeignHostsAreNotLookedAt(t *testing.T) {
	t.Parallel()
	g := policytest.Seeded(1, policytest.Options{NICs: 16})
	s := policytest.Load(g.Policy())
	b := &board{}
	for i := range 1000 {
		b.hosts = append(b.hosts, store.HostStatus{Host: fmt.Sprint("host-", i), NICs: []store.HostNIC{{ID: fmt.Sprint("foreign-", i)}}})
	}
	for _, n := range s.NICs()[:2] {
		b.hosts[7].NICs = append(b.hosts[7].NICs, store.HostNIC{ID: n.ID})
	}
	var i impact.Impact
	i.AddNIC(s.NICs()[0].ID)
	i.AddNIC(s.NICs()[1].ID)
	h := NewHistory()
	after, _ := s.With(2, nil)
	h.Record(s, after, store.Batch{Revision: 2})()
	s = after
	n := h.Needs(s, b, i, 2)
	if got := n.Hosts(); !slices.Equal(got, []string{"host-7"}) || b.all != 0 || b.asked != 2 {
		t.Errorf("%v are waited for, after %d questions about a NIC and %d about all hosts", got, b.asked, b.all)
	}
}
