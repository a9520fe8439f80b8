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

// Judge implements revoke.Judge: the relay judges, which has the whole policy.
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
	m := &wire.Judge{}
	for _, c := range conns {
		m.Connections = append(m.Connections, wire.FromConn(c.NIC, c.Conn))
	}
	j, err := s.judgements.ask(ctx, s, func(id uint64) *wire.FromHost {
		m.Id = id
		return &wire.FromHost{Kind: &wire.FromHost_Judge{Judge: m}}
	})
	switch {
	case errors.Is(err, ErrAway):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("no judgement of %d connections: %w", len(conns), err)
	case j.GetError() != "":
		return nil, errors.New(j.GetError())
	case len(j.GetVerdicts()) != len(conns):
		return nil, fmt.Errorf("%d verdicts on %d connections", len(j.GetVerdicts()), len(conns))
	}
	allowed := make([]bool, len(conns))
	for i, v := range j.GetVerdicts() {
		allowed[i] = v.GetAllowed()
	}
	return allowed, nil
}
