package questions

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/store/internal/record"
)

// askQuestion and askAnswer end the two keys of a question.
const (
	askQuestion = "/question"
	askAnswer   = "/answer"
)

const (
	// maxAnswer bounds an answer before it is compressed, in bytes.
	maxAnswer = 64 << 20
	// plainAnswer is the longest answer that is not compressed: the compressor's
	// tables take longer to make than etcd takes for the bytes.
	plainAnswer = 32 << 10
)

type askRecord struct {
	record.Header
	Kind      string          `json:"kind"`
	Body      json.RawMessage `json:"body,omitempty"`
	TimeoutMS int64           `json:"timeout_ms"` // from when the host sees it: clocks differ
}

type answerRecord struct {
	record.Header
	Body  json.RawMessage `json:"body,omitempty"`
	Error string          `json:"error,omitempty"`
}

// sealAnswer makes the value of an answer: JSON, compressed if it is long, since
// most is text that repeats itself.
func sealAnswer(body json.RawMessage, refusal error, limit int) (string, error) {
	r := answerRecord{Header: record.Current, Body: body}
	if refusal != nil {
		r = answerRecord{Header: record.Current, Error: refusal.Error()}
	}
	text, err := record.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	if len(text) <= min(plainAnswer, limit) {
		return text, nil
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	if b.Len() > limit && refusal == nil {
		return sealAnswer(nil, fmt.Errorf("the answer has %d bytes, more than the store takes: ask for less", b.Len()), limit)
	}
	return b.String(), nil
}

// openAnswer is the inverse of sealAnswer.
func openAnswer(host string, value []byte) ([]byte, error) {
	text := value
	if !bytes.HasPrefix(value, []byte("{")) {
		z, err := gzip.NewReader(bytes.NewReader(value))
		if err != nil {
			return nil, fmt.Errorf("answer of host %s: %w", host, err)
		}
		if text, err = io.ReadAll(io.LimitReader(z, maxAnswer)); err != nil {
			return nil, fmt.Errorf("answer of host %s: %w", host, err)
		}
	}
	var r answerRecord
	if err := record.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("answer of host %s: %w", host, err)
	}
	if r.Error != "" {
		return nil, &inquiry.AnswerError{Host: host, Text: r.Error}
	}
	return r.Body, nil
}
