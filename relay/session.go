package relay

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/span"
)

// unacknowledgedMost bounds the deltas that were sent and are not applied, and that are told
// apart: more of them count as one, which is applied with the last of them. A host
// that cannot apply everything is sent what comes all the same, for most of that may
// be in force there.
const unacknowledgedMost = 16

// weightSpared is how heavy a pending delta may be whatever the share is.
const weightSpared = 64

// session is the stream of one host, as the relay's lock guards it.
//
//	offer ──► pending ── take ──► owed ── acknowledge ──► applied
type session struct {
	relay     *Relay
	host      string
	instance  string
	hello     *wire.Hello
	elsewhere bool // the host came with a policy of a history that the store does not have
	since     time.Time
	wake      chan struct{}           // has one when there is something to send
	ctx       context.Context         // of the stream
	end       context.CancelCauseFunc // ends the stream, with a *leave as the cause

	plugged      map[string]*wire.Plug // by NIC
	plugs        uint64                // number of the last Plugs that is in plugged
	plugsToSend  plugsToSend           // of plugs: to be sent
	plugsToWrite map[string]bool       // NICs of whose plugs the store may have to be told; true: after what was told is taken back

	held           *wire.Held // what the host came with, until it is sent what differs from that
	pending        pending
	number         uint64           // of the last delta that was taken
	unacknowledged []unacknowledged // by number
	further        *wire.Applied    // what is in force beyond what is applied, nil: nothing
	status         *wire.Status
	reportedAt     time.Time      // when the store was told last what the host counts
	countsDue      bool           // it will be
	control        []*wire.ToHost // to be sent behind the pending delta
	looking        bool           // a Look is being answered
	asks           asks
}

// pending is what a host has not been sent yet.
type pending struct {
	due   bool
	whole bool       // it is the whole share
	delta span.Delta // unless whole
	since int64      // the first revision that is in it
}

// unacknowledged is a delta that was sent, and that the host has not said to have applied.
type unacknowledged struct {
	number uint64
	since  int64 // the first revision that is in it
}

// offer adds a delta to what the host is to be sent. The caller holds the relay's
// lock; so for all methods here.
func (s *session) offer(d span.Delta) {
	p := &s.pending
	if !p.due {
		*p = pending{due: true, since: s.relay.at.revision}
	}
	if !p.whole {
		p.delta = span.Merge(p.delta, d)
		if w := p.delta.Weight(); w > weightSpared && w > s.relay.index.Weight(s.host) {
			p.whole, p.delta = true, span.Delta{}
			s.relay.metrics.replaced.Inc()
		}
	}
	s.updateStanding()
	s.notify()
}

// begin has the host sent its whole share, of another policy than what it has
// applied was of.
func (s *session) begin() {
	s.unacknowledged, s.further = nil, nil
	s.pending = pending{due: true, whole: true, since: 1}
	s.updateStanding()
	s.notify()
}

// notify wakes who sends.
func (s *session) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// outgoing is what take found to send.
type outgoing struct {
	delta   *span.Delta // nil: none
	held    *wire.Held  // not nil: the delta is a whole share, of which what differs from that is to be sent
	at      *wire.Point
	number  uint64
	plugs   uint64
	control []*wire.ToHost
}

// takeOutgoing returns what is to be sent, in that order. What is sent is owed from now on.
func (s *session) takeOutgoing() (t outgoing) {
	t.control, s.control = s.control, nil
	if m := s.takePlugsToSend(); m != nil {
		t.control = append(t.control, &wire.ToHost{Kind: &wire.ToHost_PlugsAt{PlugsAt: m}})
	}
	if !s.pending.due {
		return t
	}
	d := s.pending.delta
	if s.pending.whole {
		d, _ = s.relay.index.Full(s.host)
		t.held = s.held
	}
	s.held = nil
	s.number++
	if n := len(s.unacknowledged); n == unacknowledgedMost {
		s.unacknowledged[n-1].number = s.number
	} else {
		s.unacknowledged = append(s.unacknowledged, unacknowledged{s.number, s.pending.since})
	}
	t.delta, t.number, t.plugs, t.at = &d, s.number, s.plugs, s.at()
	s.pending = pending{}
	return t
}

// toSend returns the delta as it is to be sent. It takes a while for a whole share.
func (t *outgoing) toSend() span.Delta {
	if t.held == nil {
		return *t.delta
	}
	return t.held.Diff(*t.delta)
}

// acknowledge takes the host's word that it has applied a delta, and all before it.
func (s *session) acknowledge(number uint64) (changed bool) {
	n := 0
	for n < len(s.unacknowledged) && s.unacknowledged[n].number <= number {
		n++
	}
	if n == 0 {
		return false
	}
	if s.unacknowledged = append(s.unacknowledged[:0:0], s.unacknowledged[n:]...); len(s.unacknowledged) == 0 {
		s.unacknowledged = nil
	}
	s.updateStanding()
	return true
}

// applied is the revision at which the host is: that of the relay, or the one before
// the first that concerned the host and is not applied there; none if what it applied
// is in force no more.
func (s *session) applied() int64 {
	if s.status.GetLapsed() {
		return 0
	}
	return s.upTo(0)
}

// plug takes what a host says of what is plugged, and has it offered what that
// changes, if it is nothing: so the host learns that it was heard.
func (s *session) plug(p *wire.Plugs) {
	change := map[string]bool{}
	if p.GetFull() {
		for nic := range s.plugged {
			change[nic] = false
		}
		s.plugged = make(map[string]*wire.Plug, len(p.GetPlugged()))
	}
	for _, one := range p.GetPlugged() {
		change[one.GetNic()] = true
		s.plugged[one.GetNic()] = one
	}
	for _, nic := range p.GetGone() {
		change[nic] = false
		delete(s.plugged, nic)
	}
	for nic := range change {
		s.setHeld(nic, s.plugged[nic] != nil)
	}
	s.plugs = p.GetNumber()
	d := s.relay.index.Plug(s.host, change)
	if d.Full { // the index did not know the host
		s.begin()
		return
	}
	s.offer(d)
}
