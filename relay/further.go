package relay

import (
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// updateStanding notes how far the host is, if it is behind the relay, for the relay's
// next standing in the store.
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

// upTo returns the revision at which a host is that has applied the deltas up to number:
// the last one before the first revision that is in a later delta.
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

// setFurther notes how much further than the delta that it has applied as a whole some NICs
// of the host are, and reports whether that changes anything. Deltas that the host was not
// sent are ignored.
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

// furtherAt returns how far NICs are of a host that is at a revision as a whole. Those that
// are behind are at that revision at least.
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
