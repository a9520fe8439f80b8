package upstream

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/relay/wire"
)

// maxQueued bounds the messages that wait to be sent, but for answers.
const maxQueued = 4096

// session is one stream. Its receive, send and watchRelay run beside each other; others put
// what is to be sent into its fields and wake send.
type session struct {
	client *Client
	relay  string
	stream grpc.BidiStreamingClient[wire.FromHost, wire.ToHost]
	ctx    context.Context
	end    context.CancelCauseFunc
	wake   chan struct{}

	mu          sync.Mutex
	queue       []*wire.FromHost // messages to be sent, in this order
	applied     *wire.Applied    // to be sent: which deltas are in force; nil: it was
	whole       uint64           // delta that was applied last everywhere on the host
	status      *wire.Status     // to be sent; nil: it was
	lastStatus  *wire.Status     // that was sent last
	lastApplied *wire.Applied    // likewise, or is about to be
	answers     []*wire.FromHost // to be sent when there is nothing else
	answering   map[uint64]context.CancelFunc
	unapplied   []unappliedDelta // and not applied

	held       bool // the relay was told what of the share the host has
	wholeShare bool // what makes the share whole has come; receive's own, as below
	parts      wire.Parts

	judgements pending[*wire.Judgement]
	looks      pending[*wire.Looked]
}

// unappliedDelta is a delta that was handed on.
type unappliedDelta struct {
	update uint64 // the number that it has at the host, whatever the stream
	delta  uint64 // the number that it has in the stream
}

func newSession(ctx context.Context, c *Client, stream grpc.BidiStreamingClient[wire.FromHost, wire.ToHost], relay string, end context.CancelCauseFunc) *session {
	return &session{
		client: c, relay: relay, stream: stream, ctx: ctx, end: end, wake: make(chan struct{}, 1), lastApplied: &wire.Applied{},
		answering: map[uint64]context.CancelFunc{},
	}
}

// enqueue has a message sent.
func (s *session) enqueue(m *wire.FromHost) {
	s.mu.Lock()
	s.queue = append(s.queue, m)
	over := len(s.queue) > maxQueued
	s.mu.Unlock()
	if over {
		s.end(errors.New("the relay does not read"))
	}
	s.notify()
}

func (s *session) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next is the next message to be sent, nil for none. How the host is goes before what
// it has applied: it may take something back that was in force before.
func (s *session) next() *wire.FromHost {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.queue) > 0:
		m := s.queue[0]
		s.queue = s.queue[1:]
		return m
	case s.status != nil:
		m := &wire.FromHost{Kind: &wire.FromHost_Status{Status: s.status}}
		s.lastStatus, s.status = s.status, nil
		return m
	case s.applied != nil:
		m := &wire.FromHost{Kind: &wire.FromHost_Applied{Applied: s.applied}}
		s.applied = nil
		return m
	case len(s.answers) > 0:
		m := s.answers[0]
		s.answers = s.answers[1:]
		return m
	}
	return nil
}

// Applied is called by the loop when other updates are in force on this host than before.
func (c *Client) Applied(f share.InForce) {
	if s := c.session(); s != nil { // else what the host is to have comes anew with the next one
		s.inForce(f)
		s.notify()
	}
}

func (s *session) inForce(f share.InForce) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.whole
	for len(s.unapplied) > 0 && s.unapplied[0].update <= f.Whole {
		s.whole, s.unapplied = s.unapplied[0].delta, s.unapplied[1:]
	}
	now := &wire.Applied{Delta: s.whole}
	if latest := s.deltaOf(f.Latest); latest > s.whole {
		now.Latest = latest
		for _, nic := range slices.Sorted(maps.Keys(f.Behind)) {
			now.Behind = append(now.Behind, &wire.NICApplied{Nic: nic, Delta: s.deltaOf(f.Behind[nic])})
		}
	}
	if s.whole != was || !proto.Equal(now, s.lastApplied) {
		s.applied, s.lastApplied = now, now
	}
}

// deltaOf is the last delta of the stream that is in force where an update is. The
// caller holds mu.
func (s *session) deltaOf(update uint64) uint64 {
	is := s.whole
	for _, h := range s.unapplied {
		if h.update > update {
			break
		}
		is = h.delta
	}
	return is
}

// setStatus has a status sent unless the relay has it.
func (s *session) setStatus(status *wire.Status) {
	s.mu.Lock()
	if s.status = status; proto.Equal(status, s.lastStatus) {
		s.status = nil
	}
	s.mu.Unlock()
	s.notify()
}
