package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/inquiry"
)

// probing makes the host of tracedServer answer probes as it is told, and traces
// as the policy says.
func (h *fakeHost) probing(trace func(inquiry.TraceQuestion) (inquiry.TraceAnswer, error), probe func(inquiry.ProbeQuestion) inquiry.ProbeAnswer) {
	h.set(trace)
	answers(h, inquiry.KindProbe, probe)
}

// answers makes the host answer a kind of question.
func answers[Q, A any](h *fakeHost, kind string, answer func(Q) A) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.other == nil {
		h.other = map[string]func(json.RawMessage) (any, error){}
	}
	h.other[kind] = func(body json.RawMessage) (any, error) {
		var q Q
		if err := json.Unmarshal(body, &q); err != nil {
			return nil, err
		}
		return answer(q), nil
	}
}

// A probe tells, leg by leg, what became of the packet; of another account's NIC
// no more than its answer. A packet that does what the policy does not say is a
// disagreement.
func TestProbesOfTraces(t *testing.T) {
	s, h := tracedServer(t)
	passed := &inquiry.ProbeLeg{Verdict: inquiry.Allow, Reason: "passed", Table: 50, TableName: "deliver"}
	var asked inquiry.ProbeQuestion
	become := func(leg inquiry.ProbeLeg) {
		h.probing(s.says(inquiry.Allow, same), func(q inquiry.ProbeQuestion) inquiry.ProbeAnswer {
			asked = q
			return inquiry.ProbeAnswer{Egress: passed, Ingress: &leg}
		})
	}
	const body = `{"source":{"nic":"n1"},"destination":{"address":"10.0.0.3"},"protocol":"udp","port":53,"probe":true}`
	become(inquiry.ProbeLeg{Verdict: inquiry.Allow, Reason: "delivered", Detail: "to port tap3", Table: 100, TableName: "output"})
	a := s.trace(http.StatusCreated, body)
	a.want(t, map[string]string{
		"probe_verdict": "allow", "agreement": "true", "legs.0.probe.reason": "passed", "legs.0.probe.table_name": "deliver",
		"legs.1.probe.verdict": "allow", "legs.1.probe.reason": "allowed-by-peer", "legs.1.probe.table": "null", "legs.1.probe.detail": "",
	})
	if strings.Contains(string(a.raw), "tap3") {
		t.Errorf("acme is told of bolt's port: %s", a.raw)
	}
	if !asked.Egress || !asked.Ingress || asked.Part != inquiry.ProbeSend || asked.Packet.SrcPort < shape.FirstDynamicPort || asked.Mark == ([8]byte{}) {
		t.Errorf("asked %+v", asked)
	}
	become(inquiry.ProbeLeg{Verdict: inquiry.Deny, Reason: "no-rule"})
	s.trace(http.StatusCreated, body).want(t, map[string]string{
		"verdict": "allow", "probe_verdict": "deny", "agreement": "false", "legs.1.probe.reason": "denied-by-peer"})
	become(inquiry.ProbeLeg{Verdict: inquiry.Unknown, Reason: "not-seen"})
	s.trace(http.StatusCreated, body).want(t, map[string]string{"probe_verdict": "unknown", "agreement": "true"})
	s.trace(http.StatusCreated, strings.Replace(body, `,"probe":true`, "", 1)).want(t, map[string]string{"probe_verdict": "null", "legs.0.probe": "null"})
	s.trace(http.StatusCreated, `{"source":{"nic":"n2"},"destination":{"nic":"n1"},"protocol":"tcp","port":443,"probe":true}`).want(t, map[string]string{
		"probe_verdict": "unknown", "legs.0.probe.detail": "the source NIC is plugged nowhere"})

	if a := s.do("POST", acmeTraces, body, "Authorization: Bearer "+viewerAcme); a.status != http.StatusForbidden {
		t.Errorf("a viewer's probe: %d %s", a.status, a.raw)
	}
	for _, odd := range []string{
		`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443,"probe":true}`,
		`{"source":{"nic":"n1"},"destination":{"nic":"n2"},"protocol":"tcp","port":443,"probe":true,"state":"reply"}`,
	} {
		if a := s.do("POST", acmeTraces, odd); a.status != http.StatusUnprocessableEntity || !strings.Contains(string(a.raw), `"/probe"`) {
			t.Errorf("%s: %d %s", odd, a.status, a.raw)
		}
	}
}
