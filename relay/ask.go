package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/inquiry/ends"
	"github.com/ringfence/ringfence/relay/wire"
)

const (
	// asksOpen bounds the questions that a host is asked at a time.
	asksOpen = 256
	// answerMost bounds an answer, in bytes.
	answerMost = 64 << 20
)

// asks are the questions to a host that it has not answered yet.
type asks struct {
	last uint64
	open map[uint64]*question
}

// question is a question that waits for its answer.
type question struct {
	body []byte        // the parts of the answer that have come
	err  error         // or why there is none
	done chan struct{} // closed when it is answered
}

// answererOf returns how to answer questions to a host that come by the store, and whether
// the host is attached to this relay.
func (r *Relay) answererOf(host string) (inquiry.Answerer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return func(ctx context.Context, kind string, body json.RawMessage) (json.RawMessage, error) {
		answer, err := r.Ask(ctx, host, kind, body)
		if refusal, ok := errors.AsType[*inquiry.AnswerError](err); ok {
			err = errors.New(refusal.Text) // which becomes one again
		}
		return answer, err
	}, r.sessions[host] != nil
}

// Ask puts a question to a host that is attached here, and returns its answer, JSON.
// Errors are those of store.Store.Ask.
func (r *Relay) Ask(ctx context.Context, host, kind string, body json.RawMessage) ([]byte, error) {
	body, err := ends.FillFrom(r.endOf, kind, body)
	if err != nil {
		return nil, &inquiry.AnswerError{Host: host, Text: err.Error()}
	}
	s, id, q, err := r.ask(ctx, host, kind, body)
	if err != nil {
		return nil, err
	}
	defer r.withdraw(s, id)
	select {
	case <-q.done:
		return q.body, q.err
	case <-s.ctx.Done():
		return nil, fmt.Errorf("%w: host %s went away", inquiry.ErrNoAnswer, host)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", inquiry.ErrNoAnswer, context.Cause(ctx))
	}
}

// endOf returns what a question to a host says of a NIC at another one. It holds the lock
// only to take the policy, as changes of the policy wait for it.
func (r *Relay) endOf(nic string) (inquiry.End, bool) {
	r.mu.Lock()
	policy := r.policy
	r.mu.Unlock()
	return ends.Of(policy, nic)
}

// withdraw is called when the caller of Ask returns: it takes back a question that is not
// answered.
func (r *Relay) withdraw(s *session, id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, open := s.asks.open[id]; !open {
		return // it is answered
	}
	delete(s.asks.open, id)
	if i := slices.IndexFunc(s.control, func(m *wire.ToHost) bool { return m.GetAsk().GetId() == id }); i >= 0 {
		s.control = slices.Delete(s.control, i, i+1) // the host does not know of it
		return
	}
	s.control = append(s.control, &wire.ToHost{Kind: &wire.ToHost_Withdraw{Withdraw: &wire.Withdraw{Id: id}}})
	s.notify()
}

func (r *Relay) ask(ctx context.Context, host, kind string, body json.RawMessage) (*session, uint64, *question, error) {
	timeout := time.Minute
	if deadline, ok := ctx.Deadline(); ok {
		timeout = time.Until(deadline)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sessions[host]
	if s == nil {
		return nil, 0, nil, fmt.Errorf("%w: host %s is not attached to this relay", inquiry.ErrNoAnswer, host)
	}
	if len(s.asks.open) >= asksOpen {
		return nil, 0, nil, &inquiry.AnswerError{Host: host, Text: fmt.Sprintf("busy: %d questions wait already; ask again later", asksOpen)}
	}
	s.asks.last++
	q := &question{done: make(chan struct{})}
	s.asks.open[s.asks.last] = q
	s.control = append(s.control, &wire.ToHost{Kind: &wire.ToHost_Ask{Ask: &wire.Ask{
		Id: s.asks.last, Kind: kind, Body: body, TimeoutMs: timeout.Milliseconds(), Revision: r.at.revision,
	}}})
	s.notify()
	return s, s.asks.last, q, nil
}

// answered adds a part of an answer, and hands the answer on with its last part. The caller
// holds the relay's lock.
func (s *session) answered(a *wire.Answer) {
	q := s.asks.open[a.GetId()]
	if q == nil {
		return // nobody waits any longer
	}
	switch {
	case a.GetError() != "":
		q.body, q.err = nil, &inquiry.AnswerError{Host: s.host, Text: a.GetError()}
	case len(q.body)+len(a.GetBody()) > answerMost:
		q.body, q.err = nil, &inquiry.AnswerError{Host: s.host, Text: fmt.Sprintf("the answer has more than %d bytes: ask for less", answerMost)}
	default:
		if q.body = append(q.body, a.GetBody()...); a.GetMore() {
			return
		}
	}
	delete(s.asks.open, a.GetId())
	close(q.done)
}
