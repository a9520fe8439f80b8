package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/store"
)

// fakeHost answers traces as it is told: by default what the policy would say.
type fakeHost struct {
	mu     sync.Mutex
	answer func(inquiry.TraceQuestion) (inquiry.TraceAnswer, error)
	asked  int
	other  map[string]func(json.RawMessage) (any, error) // by kind
}

func (h *fakeHost) set(answer func(inquiry.TraceQuestion) (inquiry.TraceAnswer, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer, h.asked = answer, 0
}

// tracedServer has two NICs of acme and one of bolt in one network; n1 and n3 are
// on host h1, n2 is plugged nowhere.
func tracedServer(t *testing.T) (*server, *fakeHost) {
	t.Helper()
	t.Parallel()
	s := serve(t)
	s.must("PUT", "/v1/networks/net", `{"type":"flat","prefixes":["10.0.0.0/24","fd00::/64"]}`)
	for i, n := range []string{"acme", "acme", "bolt"} {
		s.must("PUT", "/v1/accounts/"+n, `{}`)
		s.must("PUT", fmt.Sprintf("/v1/nics/n%d", i+1), fmt.Sprintf(`{"account":%q,"network":"net","mac":"02:00:00:00:00:0%d","addresses":["10.0.0.%d","fd00::%d"]}`, n, i+1, i+1, i+1))
	}
	s.must("PUT", "/v1/accounts/acme/security-groups/web", `{"name":"web","default_rules":false,"rules":[
		{"id":"https","direction":"ingress","protocol":"tcp","port_min":443},
		{"id":"dns","direction":"egress","protocol":"udp","port_min":53}]}`)
	s.must("PUT", "/v1/accounts/acme/nics/n1/security-groups/web", "")
	s.must("PUT", "/v1/accounts/bolt/security-groups/db", `{"name":"db","default_rules":false,"rules":[{"id":"r9","direction":"ingress","protocol":"udp","port_min":53}]}`)
	s.must("PUT", "/v1/accounts/bolt/nics/n3/security-groups/db", "")
	err := s.store.PutHost(t.Context(), store.HostStatus{Host: "h1", Connected: true, Applied: 1, NICs: []store.HostNIC{{ID: "n1", Ready: true}, {ID: "n3", Ready: true}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := s.store.WaitHosts(ctx, func(h []store.HostStatus) bool { return len(h) == 1 }); err != nil {
		t.Fatal(err)
	}
	h := &fakeHost{}
	serving, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.store.ServeAsks(serving, "h1", func(_ context.Context, kind string, body json.RawMessage) (json.RawMessage, error) {
			h.mu.Lock()
			other := h.other[kind]
			h.mu.Unlock()
			if other != nil {
				a, err := other(body)
				if err != nil {
					return nil, err
				}
				return json.Marshal(a)
			}
			var q inquiry.TraceQuestion
			if err := json.Unmarshal(body, &q); err != nil {
				return nil, err
			}
			h.mu.Lock()
			answer := h.answer
			h.asked++
			h.mu.Unlock()
			a, err := answer(q)
			if err != nil {
				return nil, err
			}
			return json.Marshal(a)
		})
	}()
	t.Cleanup(func() { stop(); <-ended })
	return s, h
}

// says makes a host give both legs the same verdict.
func (s *server) says(v inquiry.Verdict, applied func(rev int64) int64) func(inquiry.TraceQuestion) (inquiry.TraceAnswer, error) {
	rev := int64(s.do("GET", "/v1/accounts/acme/nics", "").at("revision").(float64))
	return func(q inquiry.TraceQuestion) (inquiry.TraceAnswer, error) {
		leg := &inquiry.Leg{Verdict: v, Reason: "rule", Rule: &inquiry.Rule{Account: "bolt", Group: "db", ID: "r9"},
			Steps: []inquiry.Step{{Table: 90, TableName: "ingress-rules", Rule: &inquiry.Rule{Account: "bolt", Group: "db", ID: "r9"}}}}
		a := inquiry.TraceAnswer{Applied: applied(rev)}
		if q.Egress {
			a.Egress = leg
		}
		if q.Ingress {
			a.Ingress = leg
		}
		return a, nil
	}
}

func same(rev int64) int64  { return rev }
func older(rev int64) int64 { return rev - 1 }

const acmeTraces = "/v1/accounts/acme/traces"

func (s *server) trace(status int, body string, headers ...string) answer {
	s.t.Helper()
	if status == http.StatusCreated { // however slow the machine is
		headers = append(headers, "Prefer: wait=60")
	}
	a := s.do("POST", acmeTraces, body, headers...)
	if a.status != status {
		s.t.Fatalf("%s: %d %s, want %d", body, a.status, a.raw, status)
	}
	return a
}

// The policy's leg says why: the rule and what of it fits, or the nearest rule
// and what differs, or what restricts egress.
func TestTraceReasons(t *testing.T) {
	s, h := tracedServer(t)
	h.set(s.says(inquiry.Allow, same))
	for _, c := range []struct {
		body string
		want map[string]string
	}{
		{`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`, map[string]string{
			"verdict": "allow", "agreement": "true", "legs.0.policy.rule": "https", "legs.0.policy.clause.service": "tcp 443", "legs.0.host": "h1", "done": "true"}},
		{`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":8443}`, map[string]string{
			"agreement": "false", "legs.0.policy.verdict": "deny", "legs.0.policy.reason": "no-rule", "legs.0.policy.nearest.rule": "https",
			"legs.0.policy.nearest.differs.0": "port 443 is allowed, you asked 8443"}},
		{`{"source":{"nic":"n1"},"destination":{"address":"8.8.8.8"},"protocol":"UDP","port":53}`, map[string]string{
			"verdict": "allow", "legs.0.policy.rule": "dns", "legs.0.direction": "egress"}},
		{`{"source":{"nic":"n1"},"destination":{"address":"8.8.8.8"},"protocol":"udp","port":54}`, map[string]string{
			"legs.0.policy.reason": "no-rule", "legs.0.policy.because.0.group": "web", "legs.0.policy.because.0.rule": "dns"}},
		{`{"source":{"nic":"n1","address":"10.0.0.9"},"destination":{"address":"8.8.8.8"},"protocol":"udp","port":53}`, map[string]string{
			"legs.0.policy.reason": "spoofed"}},
		{`{"source":{"nic":"n1"},"destination":{"nic":"n2"},"protocol":"udp","port":53}`, map[string]string{
			"verdict": "deny", "legs.1.datapath.reason": "not-plugged", "legs.1.host": "null"}},
		{`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443,"state":"reply"}`, map[string]string{
			"legs.0.direction": "egress", "legs.0.policy.reason": "established", "packet.source": "10.0.0.1", "packet.source_port": "443"}},
		{`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"icmp","state":"invalid"}`, map[string]string{
			"legs.0.policy.reason": "ct-invalid", "packet.icmp_type": "8"}},
		{`{"source":{"address":"fd00::99"},"destination":{"nic":"n1"},"protocol":"icmp"}`, map[string]string{
			"packet.protocol": "icmpv6", "packet.icmp_type": "128", "packet.family": "ipv6"}},
	} {
		s.trace(http.StatusCreated, c.body).want(t, c.want)
	}
}

// Of another account's NIC no more is told than whether it lets the packet through.
func TestTraceHidesOtherAccounts(t *testing.T) {
	s, h := tracedServer(t)
	h.set(s.says(inquiry.Deny, same))
	const toBolt = `{"source":{"nic":"n1"},"destination":{"address":"10.0.0.3"},"protocol":"udp","port":54}`
	a := s.trace(http.StatusCreated, toBolt, "Authorization: Bearer "+memberAcme)
	a.want(t, map[string]string{"legs.1.hidden": "true", "legs.1.nic": "null", "legs.1.host": "null",
		"legs.1.policy.reason": "denied-by-peer", "legs.1.datapath.reason": "denied-by-peer", "legs.1.datapath.steps": "[]"})
	h.set(s.says(inquiry.Allow, same))
	b := s.trace(http.StatusCreated, strings.Replace(toBolt, "54", "53", 1), "Authorization: Bearer "+viewerAcme)
	b.want(t, map[string]string{"verdict": "allow", "legs.1.policy.reason": "allowed-by-peer"})
	for _, raw := range [][]byte{a.raw, b.raw} {
		for _, secret := range []string{"n3", "r9", `"db"`, "bolt"} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("acme is told of %s: %s", secret, raw)
			}
		}
	}
	id := a.text("id")
	if got := s.do("GET", acmeTraces+"/"+id, ""); got.status != http.StatusOK || got.text("id") != id {
		t.Errorf("the trace cannot be read again: %d %s", got.status, got.raw)
	}
	if got := s.do("GET", "/v1/accounts/bolt/traces/"+id, ""); got.status != http.StatusNotFound {
		t.Errorf("bolt reads acme's trace: %d", got.status)
	}
}

// A difference is an alarm when the host is at the policy's revision; before, the
// trace looks again.
func TestTraceAgreement(t *testing.T) {
	s, h := tracedServer(t)
	const body = `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`
	h.set(s.says(inquiry.Deny, same))
	s.trace(http.StatusCreated, body).want(t, map[string]string{"verdict": "deny", "agreement": "false"})
	if h.asked != 1 {
		t.Errorf("asked %d times", h.asked)
	}
	metrics := s.do("GET", "/metrics", "")
	if !strings.Contains(string(metrics.raw), "ringfence_trace_disagreements_total 1") || !strings.Contains(s.log.String(), "trace-disagreement") {
		t.Error("no alarm")
	}
	late := s.says(inquiry.Deny, older)
	right := s.says(inquiry.Allow, same)
	n := 0
	h.set(func(q inquiry.TraceQuestion) (inquiry.TraceAnswer, error) {
		if n++; n < 3 {
			return late(q)
		}
		return right(q)
	})
	s.trace(http.StatusCreated, body).want(t, map[string]string{"verdict": "allow", "agreement": "true"})
	h.set(func(inquiry.TraceQuestion) (inquiry.TraceAnswer, error) {
		return inquiry.TraceAnswer{}, errors.New("out of order")
	})
	s.trace(http.StatusCreated, body).want(t, map[string]string{"verdict": "unknown", "agreement": "null", "legs.0.datapath.detail": "host h1: out of order"})
}

// A slow host makes it a 202; the trace can be read when it has answered.
func TestTraceOfASlowHost(t *testing.T) {
	s, h := tracedServer(t)
	released := make(chan struct{})
	right := s.says(inquiry.Allow, same)
	h.set(func(q inquiry.TraceQuestion) (inquiry.TraceAnswer, error) { <-released; return right(q) })
	a := s.trace(http.StatusAccepted, `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`, "Prefer: wait=0")
	a.want(t, map[string]string{"verdict": "unknown", "done": "false", "agreement": "null"})
	close(released)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(2 * time.Millisecond) {
		if got := s.do("GET", a.header.Get("Location"), ""); got.text("verdict") == "allow" && got.at("done") == true {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the trace does not finish")
		}
	}
}

// A hundred traces at once are all answered.
func TestManyTracesAtOnce(t *testing.T) {
	s, h := tracedServer(t)
	h.set(s.says(inquiry.Allow, same))
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			s.trace(http.StatusCreated, `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`).want(t, map[string]string{"verdict": "allow"})
		})
	}
	wg.Wait()
}

func TestRefusesOddTraces(t *testing.T) {
	s, _ := tracedServer(t)
	for body, want := range map[string]string{
		`{}`: "/source",
		`{"source":{},"destination":{"nic":"n1"},"protocol":"tcp","port":1}`:                                           "/source",
		`{"source":{"nic":"n3"},"destination":{"nic":"n1"},"protocol":"tcp","port":1}`:                                 "/source/nic",
		`{"source":{"nic":"none"},"destination":{"nic":"n1"},"protocol":"tcp","port":1}`:                               "/source/nic",
		`{"source":{"address":"x"},"destination":{"nic":"n1"},"protocol":"tcp","port":1}`:                              "/source/address",
		`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp"}`:                                 "/port",
		`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"icmp","port":5}`:                       "/port",
		`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"all"}`:                                 "/protocol",
		`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":70000}`:                    "/port",
		`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":1,"state":"odd"}`:          "/state",
		`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":1,"family":"ipx"}`:         "/family",
		`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":1,"family":"ipv6"}`:        "/destination",
		`{"source":{"address":"8.8.8.8"},"destination":{"address":"9.9.9.9"},"protocol":"tcp","port":1}`:               "/source",
		`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1","colour":"red"},"protocol":"tcp","port":1}`:         "/destination/colour",
		`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":1,"probe":"x","odd":true}`: "/odd",
	} {
		a := s.do("POST", acmeTraces, body)
		if a.status/100 != 4 || !strings.Contains(string(a.raw), fmt.Sprintf("%q", want)) {
			t.Errorf("%s: %d %s, want a fault at %s", body, a.status, a.raw, want)
		}
	}
	for path, status := range map[string]int{
		acmeTraces + "/none": 404, "/v1/accounts/acme/flows?cookie=x": 400, "/v1/accounts/acme/flows?nic=n3": 404, "/v1/accounts/none/connections": 404,
		"/v1/accounts/acme/connections?limit=0": 400,
	} {
		if a := s.do("GET", path, ""); a.status != status {
			t.Errorf("%s: %d %s, want %d", path, a.status, a.raw, status)
		}
	}
}
