package whole

import (
	"context"
	"encoding/json"

	"github.com/ringfence/ringfence/controller/desk"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/inquiry/ends"
)

// Asks brings questions to the host with what it does not know itself.
func (p *Policy) Asks(from desk.Asks) desk.Asks { return asks{from, p} }

type asks struct {
	desk.Asks
	policy *Policy
}

func (a asks) ServeAsks(ctx context.Context, host string, answer inquiry.Answerer) error {
	return a.Asks.ServeAsks(ctx, host, func(ctx context.Context, kind string, body json.RawMessage) (json.RawMessage, error) {
		body, err := a.policy.fill(kind, body)
		if err != nil {
			return nil, err
		}
		return answer(ctx, kind, body)
	})
}

func (p *Policy) fill(kind string, body json.RawMessage) (json.RawMessage, error) {
	return ends.Fill(p.State(), kind, body)
}
