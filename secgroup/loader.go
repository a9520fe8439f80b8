package secgroup

// Loader makes a policy of objects that come one after the other, as those of a list do, while
// others are still on their way. What comes of it is what With makes of them all. It is for one
// goroutine at a time, and quick if NICs come last, each once, as everything that they are judged
// by is known then.
type Loader struct {
	batch *batch
	nics  bool     // they have begun
	late  []Change // all from the first on that may be about what is derived already
}

// NewLoader returns one that has no object yet.
func NewLoader() *Loader { return &Loader{batch: begin(NewSnapshot())} }

// Add takes the next changes.
func (l *Loader) Add(changes []Change) {
	for _, c := range changes {
		nic, isNIC := c.Object.(*NIC)
		switch {
		case len(l.late) > 0, l.nics && !isNIC, isNIC && l.batch.next.NIC(nic.ID) != nil:
			l.late = append(l.late, c)
		case isNIC:
			l.nics = true
			l.batch.apply(c)
			l.batch.derive(nic.ID)
			delete(l.batch.dirty, nic.ID)
		default:
			l.batch.apply(c)
		}
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
