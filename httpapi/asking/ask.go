package asking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/inquiry"
)

// asks is what is asked of *store.Store.
type asks interface {
	Ask(ctx context.Context, host, kind string, body json.RawMessage) ([]byte, error)
}

// Ask puts a question to a host and decodes the answer.
func Ask(ctx context.Context, s asks, host, kind string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	raw, err := s.Ask(ctx, host, kind, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, answer)
}

// NoAnswer says why a host's answer is missing, without the store's inner words.
func NoAnswer(host string, err error) string {
	var refused *inquiry.AnswerError
	switch {
	case errors.As(err, &refused):
		return refused.Error()
	case errors.Is(err, inquiry.ErrNoAnswer):
		return fmt.Sprintf("host %s did not answer in time", host)
	}
	return "the store cannot be reached"
}
