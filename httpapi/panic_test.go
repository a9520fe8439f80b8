package httpapi

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
)

// panicky is a store that panics where hosts are asked, or when the policy has been
// read so many times.
type panicky struct {
	Store
	asks  atomic.Bool
	reads atomic.Int64 // that are well
}

const anyReads = 1 << 40

func (p *panicky) Ask(ctx context.Context, host, kind string, body json.RawMessage) ([]byte, error) {
	if p.asks.Load() {
		panic("secret: injected")
	}
	return p.Store.Ask(ctx, host, kind, body)
}

func (p *panicky) Read(ctx context.Context, f func(*secgroup.Snapshot) error) error {
	if p.reads.Add(-1) < 0 {
		panic("secret: injected")
	}
	return p.Store.Read(ctx, f)
}

// A panic in a goroutine that asks hosts is the question's: it is told of as a host
// that does not answer, is counted, and the process goes on.
func TestPanicInAQuestion(t *testing.T) {
	s, h := tracedServer(t)
	h.set(s.says(inquiry.Allow, same))
	const trace = `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`
	broken := &panicky{Store: s.store}
	broken.asks.Store(true)
	broken.reads.Store(anyReads)
	s.api.store, s.api.traces.Config.Store, s.api.inspector.Store = broken, broken, broken
	const unknown = "an internal error of the API"
	s.trace(201, trace).want(t, map[string]string{"verdict": "unknown", "legs.0.datapath.reason": "no-answer", "legs.0.datapath.detail": unknown})
	for _, list := range []string{"flows", "connections", "drops"} {
		s.must("GET", "/v1/accounts/acme/"+list, "").want(t, map[string]string{"hosts.0.host": "h1", "hosts.0.error": unknown, "items": "[]"})
	}
	s.must("GET", "/v1/accounts/acme/security-groups/web/rules?hits=true", "").want(t, map[string]string{"items.0.hits.complete": "false"})
	s.must("DELETE", "/v1/accounts/acme/security-groups/web/rules/https?dry_run=true", "").want(t, map[string]string{
		"connections_cut.complete": "false", "connections_cut.unanswered": `["h1"]`})
	// The first reading is the request's own, the second that of the trace which runs
	// beside it.
	broken.asks.Store(false)
	broken.reads.Store(1)
	if a := s.trace(500, trace, "Prefer: wait=60"); a.text("code") != "internal-error" || strings.Contains(string(a.raw), "secret") {
		t.Errorf("a trace that panics: %s", a.raw)
	}
	broken.reads.Store(anyReads)
	s.trace(201, trace).want(t, map[string]string{"verdict": "allow", "agreement": "true"})
	if text := string(s.must("GET", "/metrics", "").raw); !strings.Contains(text, "ringfence_http_panics_total 7\n") {
		t.Errorf("not 7 panics:\n%s", text)
	}
	if !strings.Contains(s.log.String(), "secret: injected") {
		t.Error("the log has no panic")
	}
}
