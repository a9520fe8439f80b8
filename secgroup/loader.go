package secgroup

// Loader makes a policy of objects that come one after the other, as those of a list do, while
// others are still on their way. What comes of it is what With makes of them all. It is for one
// goroutine at a time, and quick if NICs come last, each once, as everything that they are judged
// by is known then.
type Loader struct {
	batch *batch
	nics  map[string]struct{} // that have come
	late  []Change            // what came after the first of them, but for those that are new
}

// NewLoader returns one that has no object yet.
func NewLoader() *Loader { return &Loader{batch: begin(NewSnapshot()), nics: map[string]struct{}{}} }

// Add takes the next changes.
func (l *Loader) Add(changes []Change) {
	for _, c := range changes {
		if c.Key.Kind != KindNIC {
			l.add(c)
			continue
		}
		_, came := l.nics[c.Key.ID]
		l.nics[c.Key.ID] = struct{}{}
		if came || c.Object == nil {
			l.add(c)
			continue
		}
		l.batch.apply(c)
		l.batch.derive(c.Key.ID)
		delete(l.batch.dirty, c.Key.ID)
	}
}

// add takes what is no new NIC.
func (l *Loader) add(c Change) {
	if len(l.nics) > 0 {
		l.late = append(l.late, c)
	} else {
		l.batch.apply(c)
	}
}

// Done returns the policy at revision rev. The loader must not be used any more.
func (l *Loader) Done(rev int64) *Snapshot {
	s := l.batch.end(rev)
	if len(l.late) > 0 {
		s, _ = s.With(rev, l.late)
	}
	return s
}
