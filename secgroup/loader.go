package secgroup

// Loader makes a policy of objects that come one after the other, as those of a list do, while
// others are still on their way. What comes of it is what With makes of them all. It is for one
// goroutine at a time, and quick if NICs come last, each once, as everything that they are judged
// by is known then.
type Loader struct {
	batch *batch
	nics  bool     // they have begun
	late  []Change // what came after they had, and repeats what is there
}

// NewLoader returns one that has no object yet.
func NewLoader() *Loader { return &Loader{batch: begin(NewSnapshot())} }

// Add takes the next changes.
func (l *Loader) Add(changes []Change) {
	for _, c := range changes {
		switch o := c.Object.(type) {
		case *NIC:
			l.addNIC(c, o)
		default:
			if l.nics {
				l.late = append(l.late, c)
			} else {
				l.batch.apply(c)
			}
		}
	}
}

// addNIC puts a NIC and derives it at once.
func (l *Loader) addNIC(c Change, o *NIC) {
	if n := l.batch.next.nics.get(o.ID); n != nil && n.object != nil {
		l.late = append(l.late, c)
		return
	}
	l.nics = true
	l.batch.apply(c)
	l.batch.derive(o.ID)
	delete(l.batch.dirty, o.ID)
}

// Done returns the policy at revision rev. The loader must not be used any more.
func (l *Loader) Done(rev int64) *Snapshot {
	s := l.batch.end(rev)
	if len(l.late) > 0 {
		s, _ = s.With(rev, l.late)
	}
	return s
}
