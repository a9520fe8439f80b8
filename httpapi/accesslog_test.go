package httpapi

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/httpapi/transport"
)

// A request's line says who asked for what and what came of it, and not by which
// secret; without --access-log there is none.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, wanted := range []bool{true, false} {
		var log bytes.Buffer
		api := New(Config{Store: s.store, Tokens: s.api.tokens, Logger: slog.New(slog.NewJSONHandler(&log, nil)), AccessLog: wanted})
		t.Cleanup(api.Close)
		ask := func(method, target, token string) {
			r := httptest.NewRequest(method, target, strings.NewReader(`{"description":"nobody's business"}`))
			r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			api.ServeHTTP(httptest.NewRecorder(), r)
		}
		ask("GET", "/v1/accounts?limit=1", admin)
		ask("PUT", acme+"/security-groups/x", "nobody's")
		ask("GET", "/nowhere", "")
		if !wanted {
			if log.Len() > 0 {
				t.Errorf("logged unasked: %s", log.String())
			}
			continue
		}
		if strings.Contains(log.String(), admin) || strings.Contains(log.String(), "nobody's") {
			t.Errorf("a secret or a body is in the log: %s", log.String())
		}
		var lines []map[string]any
		for dec := json.NewDecoder(&log); dec.More(); {
			var line map[string]any
			if err := dec.Decode(&line); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
		want := []map[string]any{
			{"method": "GET", "path": "/v1/accounts", "query": "limit=1", "status": 200.0, "token": "platform", "account": "*"},
			{"method": "PUT", "path": acme + "/security-groups/x", "status": 401.0, "token": nil, "account": nil},
			{"method": "GET", "path": "/nowhere", "status": 404.0, "token": nil, "query": nil},
		}
		if len(lines) != len(want) {
			t.Fatalf("%d lines for %d requests: %v", len(lines), len(want), lines)
		}
		for i, fields := range want {
			fields["msg"], fields["trace_id"], fields["request_id"] = "request", "0af7651916cd43dd8448eb211c80319c", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
			for name, v := range fields {
				if lines[i][name] != v {
					t.Errorf("request %d: %s is %v, want %v", i, name, lines[i][name], v)
				}
			}
			if size, _ := lines[i]["bytes"].(float64); size == 0 {
				t.Errorf("request %d was answered by nothing: %v", i, lines[i])
			}
		}
	}
}

// The header is the caller's: what is no trace names nothing (W3C Trace Context).
func TestTraceparent(t *testing.T) {
	t.Parallel()
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for header, valid := range map[string]bool{
		"00-" + trace + "-" + span + "-01":                    true,
		"00-" + trace + "-" + span + "-00":                    true,
		"cc-" + trace + "-" + span + "-01-what-comes":         true, // of a later version
		"cc-" + trace + "-" + span + "-01":                    true,
		"00-" + trace + "-" + span + "-01-more":               false,
		"ff-" + trace + "-" + span + "-01":                    false,
		"00-" + trace + "-" + span:                            false,
		"00-" + trace + "-" + span + "-1":                     false,
		"00-" + strings.ToUpper(trace) + "-" + span + "-01":   false,
		"00-" + strings.Repeat("0", 32) + "-" + span + "-01":  false,
		"00-" + trace + "-" + strings.Repeat("0", 16) + "-01": false,
		"00-" + trace[1:] + "-" + span + "-01":                false,
		"00-" + trace[1:] + "\n-" + span + "-01":              false,
		"":                                                    false,
		"00":                                                  false,
		strings.Repeat("-", 60):                               false,
		"00-" + trace + "-" + span + "-01, another":           false,
	} {
		gotTrace, gotSpan := transport.Traced(http.Header{"Traceparent": {header}})
		if (gotTrace == trace && gotSpan == span) != valid || !valid && gotTrace+gotSpan != "" {
			t.Errorf("%q: trace %q, span %q", header, gotTrace, gotSpan)
		}
	}
	if got, _ := transport.Traced(http.Header{"Traceparent": {"00-" + trace + "-" + span + "-01", "00-" + trace + "-" + span + "-01"}}); got != "" {
		t.Errorf("of two headers %q is taken", got)
	}
	api := &API{newID: func() string { return "made" }}
	for _, c := range []struct{ id, parent, want string }{
		{"mine", "00-" + trace + "-" + span + "-01", "mine"},
		{"not one", "00-" + trace + "-" + span + "-01", trace + "-" + span},
		{"", "00-x", "made"},
	} {
		if got := transport.RequestID(http.Header{"X-Request-Id": {c.id}, "Traceparent": {c.parent}}, api.newID); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
