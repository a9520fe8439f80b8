package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/relay/wire"
)

const (
	// judgeBatch is how many connections a relay judges at a time, judgeWait how long it
	// may take.
	judgeBatch = 2048
	judgeWait  = 5 * time.Second
)

// Judge is that of revoke.Judge.
func (c *Client) Judge(ctx context.Context, conns []impact.Open) (allowed []bool, err error) {
	s := c.session()
	if s == nil {
		return nil, ErrAway
	}
	for some := range slices.Chunk(conns, judgeBatch) {
		ctx, cancel := context.WithTimeout(ctx, judgeWait)
		part, err := s.judge(ctx, some)
		cancel()
		if err != nil {
			return nil, err
		}
		allowed = append(allowed, part...)
	}
	return allowed, nil
}

// judge has one batch judged, in the order of the connections.
func (s *session) judge(ctx context.Context, conns []impact.Open) ([]bool, error) {
	m, got := &wire.Judge{}, make(chan *wire.Judgement, 1)
	for _, c := range conns {
		m.Connections = append(m.Connections, wire.FromConn(c.NIC, c.Conn))
	}
	s.mu.Lock()
	m.Id = s.number()
	s.judged[m.Id] = got
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.judged, m.Id)
	}()
	s.enqueue(&wire.FromHost{Kind: &wire.FromHost_Judge{Judge: m}})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("no judgement of %d connections: %w", len(conns), ctx.Err())
	case <-s.ctx.Done():
		return nil, ErrAway
	case j := <-got:
		switch {
		case j.GetError() != "":
			return nil, errors.New(j.GetError())
		case len(j.GetVerdicts()) != len(conns):
			return nil, fmt.Errorf("%d verdicts on %d connections", len(j.GetVerdicts()), len(conns))
		}
		out := make([]bool, len(conns))
		for i, v := range j.GetVerdicts() {
			out[i] = v.GetAllowed()
		}
		return out, nil
	}
}

// judgement hands a judgement to who waits for it.
func (s *session) judgement(j *wire.Judgement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.judged[j.GetId()]; got != nil {
		got <- j // has room for the one
		delete(s.judged, j.GetId())
	}
}
