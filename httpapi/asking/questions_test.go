package asking

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/transport"
)

// An account may have so many questions open at a time, and have so many hosts
// asked a second; the refusal names which. Others ask on.
func TestQuestionsOfAnAccount(t *testing.T) {
	t.Parallel()
	q, now := NewQuestions(), time.Unix(1000, 0)
	refused := func(err error, limit string) {
		t.Helper()
		var p *transport.Problem
		if !errors.As(err, &p) || p.Status != 429 || p.Code != "rate-limited" || !strings.Contains(p.Detail, limit) || !says(p, "Retry-After") {
			t.Errorf("%v, want 429 that names %q and when to come again", err, limit)
		}
	}
	var ends []func()
	for range questionsAtOnce {
		end, err := q.Begin("acme", 1, now)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	_, err := q.Begin("acme", 1, now)
	refused(err, fmt.Sprint(questionsAtOnce, " questions"))
	if _, err := q.Begin("bolt", 1, now); err != nil {
		t.Errorf("another account: %v", err)
	}
	for _, end := range ends {
		end()
	}
	// What one viewer has hosts write, as fast as it can, for a minute.
	asked := questionsAtOnce
	for range 600 {
		if end, err := q.Begin("acme", HostsAsked, now); err == nil {
			asked += HostsAsked
			end()
		}
		now = now.Add(100 * time.Millisecond)
	}
	if asked > hostsAskedBurst+60*HostsPerSecond || asked < 60*HostsPerSecond {
		t.Errorf("%d hosts are asked in a minute", asked)
	}
	for {
		end, err := q.Begin("acme", HostsAsked, now)
		if err != nil {
			refused(err, fmt.Sprint(HostsPerSecond, " hosts a second"))
			break
		}
		end()
	}
	for i := range 3 * idleAccounts {
		end, err := q.Begin(fmt.Sprint("a", i), 1, now)
		if err != nil {
			t.Fatal(err)
		}
		end()
		now = now.Add(time.Second)
	}
	if len(q.of) > idleAccounts+1 {
		t.Errorf("%d accounts are remembered", len(q.of))
	}
}

// says reports whether a problem's answer has a header.
func says(p *transport.Problem, header string) bool {
	out := httptest.NewRecorder()
	p.Write(out, "/", "id")
	return out.Header().Get(header) != ""
}
