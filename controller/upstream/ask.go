package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/relay/wire"
)

const (
	// asksOpen bounds the questions that are answered at a time.
	asksOpen = 64
	// askWithin is how long a question may take that says nothing of it.
	askWithin = time.Minute
)

// ServeAsks has questions answered until ctx ends.
func (c *Client) ServeAsks(ctx context.Context, _ string, answer inquiry.Answerer) error {
	c.mu.Lock()
	c.answer = answer
	c.mu.Unlock()
	<-ctx.Done()
	c.mu.Lock()
	c.answer = nil
	c.mu.Unlock()
	return ctx.Err()
}

// RefusedAsks counts the questions that were refused because too many waited.
func (c *Client) RefusedAsks() int64 { return c.refused.Load() }

// Reached is the revision that the host is at when a revision of its share is in
// force: those up to which a relay has said that nothing more concerns the host.
func (c *Client) Reached(applied int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if applied != 0 && applied == c.has.GetRevision() {
		return max(applied, c.reached)
	}
	return applied
}

// ask has a question answered beside the stream.
func (s *session) ask(q *wire.Ask) {
	c := s.client
	c.mu.Lock()
	answer := c.answer
	if c.reached = q.GetRevision(); !s.wholeShare {
		c.reached = 0 // its share is to come
	}
	c.mu.Unlock()
	timeout := time.Duration(q.GetTimeoutMs()) * time.Millisecond
	if timeout <= 0 {
		timeout = askWithin
	}
	if answer == nil {
		s.sendAnswer(q.GetId(), nil, errors.New("the host answers no questions yet; ask again later"))
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	if !s.open(q.GetId(), cancel) {
		cancel()
		c.refused.Add(1)
		s.sendAnswer(q.GetId(), nil, fmt.Errorf("busy: %d questions are being answered; ask again later", asksOpen))
		return
	}
	go func() {
		defer cancel()
		defer s.withdraw(q.GetId())
		var body json.RawMessage
		err := inquiry.Guard(func() (err error) {
			body, err = answer(ctx, q.GetKind(), q.GetBody())
			return err
		})
		if panicked, ok := errors.AsType[*inquiry.PanicError](err); ok {
			c.log.Error("panic while a question was answered", "kind", q.GetKind(), "panic", panicked.Value, "stack", string(panicked.Stack))
			err = errors.New("an internal error; the log of the host has it")
		}
		if ctx.Err() == nil {
			s.sendAnswer(q.GetId(), body, err)
		}
	}()
}

// open notes a question that is being answered, unless there are too many.
func (s *session) open(id uint64, cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answering) >= asksOpen {
		return false
	}
	s.answering[id] = cancel
	return true
}

// sendAnswer has an answer sent, in parts.
func (s *session) sendAnswer(id uint64, body []byte, err error) {
	var parts []*wire.FromHost
	add := func(a *wire.Answer) {
		a.Id = id
		parts = append(parts, &wire.FromHost{Kind: &wire.FromHost_Answer{Answer: a}})
	}
	if err != nil {
		add(&wire.Answer{Error: err.Error()})
	} else {
		for len(body) > wire.PartSize {
			add(&wire.Answer{Body: body[:wire.PartSize], More: true})
			body = body[wire.PartSize:]
		}
		add(&wire.Answer{Body: body})
	}
	s.mu.Lock()
	s.answers = append(s.answers, parts...)
	s.mu.Unlock()
	s.notify()
}

// withdraw ends a question.
func (s *session) withdraw(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.answering[id]; cancel != nil {
		cancel()
		delete(s.answering, id)
	}
}
