package relay

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/span"
)

// unacknowledgedMost bounds the deltas that were sent and are not applied: any more count
// as one, which is applied with the last of them. A host that cannot apply everything is
// sent further deltas all the same, as it may apply most of them.
const unacknowledgedMost = 16

// weightSpared is the weight (span.Delta.Weight) up to which a pending delta is never
// replaced by the whole share.
const weightSpared = 64

// session is the stream of one host, as the relay's lock guards it.
//
//	offer ──► pending ── takeOutgoing ──► unacknowledged ── acknowledge ──► applied
type session struct {
	relay     *Relay
	host      string
	instance  string
	hello     *wire.Hello
	elsewhere bool // the host came with a policy of a history that the store does not have
	since     time.Time
	wake      chan struct{}           // has one when there is something to send
	ctx       context.Context         // of the stream
	end       context.CancelCauseFunc // ends the stream, with an *ending as the cause

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

// pending is the change of the share that a host has not been sent yet.
type pending struct {
	due   bool
	whole bool       // it is the whole share
	delta span.Delta // unless whole
	since int64      // the first revision that is in it
}

// unacknowledged is a delta that was sent, and that the host has not acknowledged as applied.
type unacknowledged struct {
	number uint64
	since  int64 // the first revision that is in it
}

// offer merges a delta into the pending one. The caller holds the relay's lock, as for all
// methods in this file.
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

// begin makes the whole share pending: it is of another policy than what the host has
// applied.
func (s *session) begin() {
	s.unacknowledged, s.further = nil, nil
	s.pending = pending{due: true, whole: true, since: 1}
	s.updateStanding()
	s.notify()
}

// notify wakes the goroutine that sends.
func (s *session) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// outgoing is what is to be sent to a host, as takeOutgoing returns it.
type outgoing struct {
	delta   *span.Delta // nil: none
	held    *wire.Held  // not nil: the delta is a whole share, of which what differs from that is to be sent
	at      *wire.Point
	number  uint64
	plugs   uint64
	control []*wire.ToHost
}

// takeOutgoing returns what is to be sent now. The pending delta is unacknowledged from
// then on.
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

// toSend returns the delta as it is to be sent: of a whole share, what differs from the
// share that the host came with. That takes a while, and is done without the lock.
func (t *outgoing) toSend() span.Delta {
	if t.held == nil {
		return *t.delta
	}
	return t.held.Diff(*t.delta)
}

// acknowledge notes that the host has applied the deltas up to number, and reports whether
// that is new.
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

// plug changes which NICs are plugged at the host, and offers the host what that changes in
// its share. Also an empty delta is sent, which acknowledges the message.
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
