package store

import "github.com/ringfence/ringfence/secgroup"

// loadingChunk is how many objects of a list are handed over at a time.
const loadingChunk = 1000

// loading makes the policy of a list while the list is being read: taking records apart and
// deriving what follows from them are as much work.
type loading struct {
	chunks chan []secgroup.Change // closed at the end of the list
	ended  bool
	policy chan *secgroup.Loader // what came of them
}

func startLoading() *loading {
	l := &loading{chunks: make(chan []secgroup.Change, 1), policy: make(chan *secgroup.Loader, 1)}
	go func() {
		loader := secgroup.NewLoader()
		for c := range l.chunks {
			loader.Add(c)
		}
		l.policy <- loader
	}()
	return l
}

// take hands objects over if they are many, and returns what was not.
func (l *loading) take(objects []secgroup.Change) []secgroup.Change {
	if len(objects) < loadingChunk {
		return objects
	}
	l.chunks <- objects
	return make([]secgroup.Change, 0, loadingChunk)
}

// end takes the last objects, and returns the policy of all of them.
func (l *loading) end(last []secgroup.Change, rev int64) *secgroup.Snapshot {
	l.chunks <- last
	l.stop()
	return (<-l.policy).Done(rev)
}

// stop ends the work, of which nothing has to come.
func (l *loading) stop() {
	if !l.ended {
		l.ended = true
		close(l.chunks)
	}
}
