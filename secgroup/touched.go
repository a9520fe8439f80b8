package secgroup

import (
	"maps"
	"net/netip"
)

// DomainAddress is a host address in a routing domain.
type DomainAddress struct {
	Domain  string
	Address netip.Addr
}

// Touched is what a batch of changes may have changed, as it was before the
// batch or as it is after it. What is not in it is as it was.
type Touched struct {
	// NICs whose object, G(n), routing domain or network changed: put and
	// deleted NICs, those that a group was attached to or detached from (by
	// themselves or by their instance), those attached to a group that came,
	// went or changed its scope, those that fell back to or left their
	// account's default group, and all NICs of a network that changed.
	NICs map[string]struct{}
	// Groups put or deleted: their rules, policy or scope changed. A group that
	// only gained or lost a member is not here: see Addresses.
	Groups map[GroupRef]struct{}
	// Networks put or deleted.
	Networks map[string]struct{}
	// Addresses for which NICsByAddress or the groups that hold the address
	// changed: for every other address and every group IsMember answers as
	// before.
	Addresses map[DomainAddress]struct{}
	// Baseline says that the baseline was put or deleted.
	Baseline bool
}

// Merge adds what o touched, so that several batches can be handled as one.
func (t *Touched) Merge(o Touched) {
	t.NICs = merged(t.NICs, o.NICs)
	t.Groups = merged(t.Groups, o.Groups)
	t.Networks = merged(t.Networks, o.Networks)
	t.Addresses = merged(t.Addresses, o.Addresses)
	t.Baseline = t.Baseline || o.Baseline
}

// Empty reports whether nothing was touched.
func (t *Touched) Empty() bool {
	return len(t.NICs)+len(t.Groups)+len(t.Networks)+len(t.Addresses) == 0 && !t.Baseline
}

func merged[K comparable](into, from map[K]struct{}) map[K]struct{} {
	if into == nil {
		into = make(map[K]struct{}, len(from))
	}
	maps.Copy(into, from)
	return into
}

func touch[K comparable](m *map[K]struct{}, k K) {
	if *m == nil {
		*m = map[K]struct{}{}
	}
	(*m)[k] = struct{}{}
}
