// Package policytest makes random policies, random changes to them and random
// packets, for property tests. The universe is small (five networks in three
// routing domains, two of which hold the same addresses; a few dozen addresses;
// a few ports) so that whatever is drawn interacts.
//
// All draws come from one source: the same seed and the same calls give the
// same cases.
package policytest

import (
	"fmt"
	"math/rand/v2"

	"github.com/ringfence/ringfence/secgroup"
)

// Options bound what is drawn.
type Options struct {
	NICs   int // NICs of a policy; 12 if 0
	Groups int // groups an account beside its default group; 4 if 0
	// Guard adds what docs/semantics.md §4 decides: spoofed sources, DHCP, neighbour
	// discovery, redirects, NICs without addresses, DHCP servers, a baseline.
	Guard bool
	// Shares attaches groups of other accounts to NICs, too.
	Shares bool
	// Multicast adds packets to multicast and broadcast addresses.
	Multicast bool
}

// Gen draws policies, changes and packets.
type Gen struct {
	*rand.Rand
	Options
	serial int
}

// New returns a generator that draws from src.
func New(src rand.Source, o Options) *Gen {
	if o.NICs == 0 {
		o.NICs = 12
	}
	if o.Groups == 0 {
		o.Groups = 4
	}
	return &Gen{Rand: rand.New(src), Options: o}
}

// Seeded returns a generator with a source made of one number, which a failing
// test prints.
func Seeded(seed uint64, o Options) *Gen { return New(rand.NewPCG(seed, 0x72696e67), o) }

// Load returns the snapshot that changes make of an empty one, at revision 1.
func Load(changes []secgroup.Change) *secgroup.Snapshot { return LoadAt(1, changes) }

// LoadAt is Load at another revision.
func LoadAt(rev int64, changes []secgroup.Change) *secgroup.Snapshot {
	s, _ := secgroup.NewSnapshot().With(rev, changes)
	return s
}

// id returns an id that was not given out before.
func (g *Gen) id(prefix string) string {
	g.serial++
	return fmt.Sprintf("%s%d", prefix, g.serial)
}

// chance is true with a probability of percent in a hundred.
func (g *Gen) chance(percent int) bool { return g.IntN(100) < percent }

// pick draws one of the elements.
func pick[T any](g *Gen, from []T) T { return from[g.IntN(len(from))] }

// pickOr draws one of the elements, or returns the zero value of none.
func pickOr[T any](g *Gen, from []T) (one T, ok bool) {
	if len(from) == 0 {
		return one, false
	}
	return pick(g, from), true
}

// weighted draws an index with a probability in proportion to its weight.
func (g *Gen) weighted(weights ...int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	n := g.IntN(total)
	for i, w := range weights {
		if n < w {
			return i
		}
		n -= w
	}
	return len(weights) - 1
}
