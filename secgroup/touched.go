package secgroup

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
	// only gained or lost a member is not here.
	Groups map[GroupRef]struct{}
	// Networks put or deleted.
	Networks map[string]struct{}
	// Baseline says that the baseline was put or deleted.
	Baseline bool
}

func touch[K comparable](m *map[K]struct{}, k K) {
	if *m == nil {
		*m = map[K]struct{}{}
	}
	(*m)[k] = struct{}{}
}
