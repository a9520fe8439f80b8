package questions

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/inquiry"
)

// TestAnswersOfAnySize: what does not fit in etcd is refused by name.
func TestAnswersOfAnySize(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1 << 10, plainAnswer, 1 << 20} {
		body, _ := json.Marshal(strings.Repeat("x", n))
		value, err := sealAnswer(body, nil, 1<<19)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := openAnswer("h", []byte(value)); err != nil || string(got) != string(body) {
			t.Errorf("%d bytes come back as %d: %v", len(body), len(got), err)
		}
	}
	value, err := sealAnswer(json.RawMessage(`"0123456789"`), nil, 10)
	var refused *inquiry.AnswerError
	if err == nil {
		_, err = openAnswer("h", []byte(value))
	}
	if !errors.As(err, &refused) || !strings.Contains(refused.Text, "ask for less") {
		t.Errorf("an answer beyond the limit: %v", err)
	}
}

func FuzzOpenAnswer(f *testing.F) {
	value, _ := sealAnswer(json.RawMessage(`{"a":1}`), nil, 1<<20)
	f.Add([]byte(value))
	f.Fuzz(func(_ *testing.T, value []byte) { _, _ = openAnswer("h", value) })
}
