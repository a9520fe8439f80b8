package relay

import (
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// updateStanding notes how the host stands, for the store.
func (s *session) updateStanding() {
	r := s.relay
	at := s.applied()
	was, late := r.behind[s.host]
	r.progress = r.progress || late && at > was
	if at >= r.at.revision {
		delete(r.behind, s.host)
		delete(r.further, s.host)
		return
	}
	r.behind[s.host] = at
	if f := s.furtherAt(at); f.Latest > at {
		r.further[s.host] = f
	} else {
		delete(r.further, s.host)
	}
}

// upTo is the revision at which who has a delta and all before it is, by its number:
// the one before the first that concerned the host and is in a later delta.
func (s *session) upTo(number uint64) int64 {
	for _, o := range s.unacknowledged {
		if o.number > number {
			return o.since - 1
		}
	}
	if s.pending.due {
		return s.pending.since - 1
	}
	return s.relay.at.revision
}

// setFurther takes what is in force at a host beyond what it has applied, and tells
// whether that is news. What the host was not sent is nothing.
func (s *session) setFurther(m *wire.Applied) bool {
	was := s.further
	if s.further = nil; m.GetLatest() > m.GetDelta() && m.GetLatest() <= s.number && len(s.unacknowledged) > 0 {
		s.further = m
	}
	if was == nil && s.further == nil {
		return false
	}
	s.updateStanding()
	s.relay.progress = true
	return true
}

// furtherAt is how far NICs of a host are that is at a revision as a whole. A NIC that is
// behind is at that one at least.
func (s *session) furtherAt(at int64) (f store.Further) {
	if s.further == nil || s.status.GetLapsed() {
		return f
	}
	f.Latest = s.upTo(s.further.GetLatest())
	for _, n := range s.further.GetBehind() {
		if f.Behind == nil {
			f.Behind = map[string]int64{}
		}
		f.Behind[n.GetNic()] = min(max(at, s.upTo(n.GetDelta())), f.Latest)
	}
	return f
}
