package inquiry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// An Answerer answers questions put to a host. Its ctx ends when whoever asked
// does not wait any longer. The answer is JSON.
type Answerer func(ctx context.Context, kind string, body json.RawMessage) (json.RawMessage, error)

// ErrNoAnswer says that a host did not answer a question in time. It may be
// away, or busy, or not know the kind of question.
var ErrNoAnswer = errors.New("the host does not answer")

// AnswerError is a host's refusal to answer a question.
type AnswerError struct {
	Host string
	Text string
}

func (e *AnswerError) Error() string { return fmt.Sprintf("host %s: %s", e.Host, e.Text) }
