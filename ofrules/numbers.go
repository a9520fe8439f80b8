package ofrules

import (
	"hash/fnv"
	"maps"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// numbers gives names 32-bit numbers that stand in registers, conjunction ids,
// cookies and ct_mark. A number is the hash of its name, so that it depends on
// no history: a restarted controller and every other host find the same one.
//
// Two names may hash alike (once in a few hundred hosts with 5,000 rules each).
// A shared number would open one tenant to another, so then every name takes,
// in sorted order, the first free number of its own probe sequence. That order
// depends on all names present; a set that is colliding, or was, therefore asks
// for a compile from scratch instead of guessing.
type numbers struct {
	bits      uint // width of the hash; 32, smaller only to provoke collisions in tests
	byName    map[string]uint32
	names     map[uint32]string
	refs      map[string]int
	ambiguous bool // names collide that resolve did not see: the numbers given may not be final
	displaced bool // resolve found names that collide
}

func newNumbers(bits uint) *numbers {
	return &numbers{bits: bits, byName: map[string]uint32{}, names: map[uint32]string{}, refs: map[string]int{}}
}

// probe returns the nth candidate for a name.
func (n *numbers) probe(name string, nth int) uint32 {
	h := fnv.New64a()
	h.Write([]byte(name))
	for range nth {
		h.Write([]byte{0})
	}
	s := h.Sum64()
	s ^= s >> 33 // FNV's low bits mix poorly
	s *= 0xff51afd7ed558ccd
	s ^= s >> 33
	v := uint32(s) & (1<<n.bits - 1)
	if v < firstNumber {
		v += firstNumber
	}
	return v
}

// of returns the number of a name that has one.
func (n *numbers) of(name string) uint32 { return n.byName[name] }

// has tells whether a name is referred to.
func (n *numbers) has(name string) bool { return n.refs[name] > 0 }

// name returns the name that has the number.
func (n *numbers) name(v uint32) (string, bool) {
	s, ok := n.names[v]
	return s, ok
}

// acquire takes a reference on a name and returns its number.
func (n *numbers) acquire(name string) uint32 {
	n.refs[name]++
	if v, ok := n.byName[name]; ok {
		return v
	}
	v := n.probe(name, 0)
	for nth := 1; ; nth++ {
		if _, taken := n.names[v]; !taken {
			break
		}
		n.ambiguous = true
		v = n.probe(name, nth)
	}
	n.byName[name], n.names[v] = v, name
	return v
}

// release gives a reference back.
func (n *numbers) release(name string) {
	if n.refs[name]--; n.refs[name] > 0 {
		return
	}
	v := n.byName[name]
	if n.displaced || v != n.probe(name, 0) {
		n.ambiguous = true // another name may have had to give way to this one
	}
	delete(n.refs, name)
	delete(n.byName, name)
	delete(n.names, v)
}

// resolve numbers the given names in sorted order: the one assignment that
// depends on the set alone. References are kept at zero.
func (n *numbers) resolve(names []string) {
	n.byName, n.names = map[string]uint32{}, map[uint32]string{}
	for _, name := range slices.Sorted(slices.Values(names)) {
		v := n.probe(name, 0)
		for nth := 1; ; nth++ {
			if _, taken := n.names[v]; !taken {
				break
			}
			n.displaced = true
			v = n.probe(name, nth)
		}
		n.byName[name], n.names[v] = v, name
	}
}

// all returns the names that have numbers.
func (n *numbers) all() []string { return slices.Collect(maps.Keys(n.byName)) }

// Names of what has numbers. Ids hold no slash.
func groupName(g secgroup.GroupRef) string { return g.Account + "/" + g.ID }

func ruleName(g secgroup.GroupRef, id string) string { return groupName(g) + "/" + id }
