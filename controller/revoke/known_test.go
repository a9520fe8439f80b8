package revoke

import (
	"iter"
	"maps"
	"sync"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
)

// known is a policy as a host knows it.
type known struct {
	mu   sync.Mutex
	snap *secgroup.Snapshot
}

func (k *known) Read(fn func(Known)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fn(everything{k.snap})
}

// everything is the whole policy.
type everything struct{ *secgroup.Snapshot }

func (everything) Knows(string) bool { return true }

// change makes changes, and returns what they may take away from NICs.
func (k *known) change(nics NICs, changes ...secgroup.Change) Lost {
	k.mu.Lock()
	defer k.mu.Unlock()
	diff := impact.Begin(k.snap, changes)
	k.snap, _ = k.snap.With(k.snap.Revision()+1, changes)
	return LostOf(diff.End(k.snap).Loss, k.snap, nics)
}

// said is what was reported.
type said struct {
	mu      sync.Mutex
	problem error
	stands  Standing
}

func (s *said) Judged(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = err
}

func (s *said) Standing(now Standing, _ News) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stands = now
}

func (s *said) last() (stands Standing, problem error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stands, s.problem
}

// inZones has NICs in the zones 1, 2, ….
type inZones []string

func (z inZones) NIC(zone uint16) string {
	if zone == 0 || int(zone) > len(z) {
		return ""
	}
	return z[zone-1]
}

func (z inZones) Zone(nic string) uint16 {
	for zone, id := range z.All() {
		if id == nic {
			return zone
		}
	}
	return 0
}

func (z inZones) All() iter.Seq2[uint16, string] {
	zones := map[uint16]string{}
	for i, id := range z {
		zones[uint16(i+1)] = id
	}
	return maps.All(zones)
}
