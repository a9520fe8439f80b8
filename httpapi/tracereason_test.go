package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/store"
)

// The clause that fits is named in all its parts; the operator's baseline, the
// guard, a NIC that is taken out of filtering and one that waits for its flows
// have their own reasons.
func TestTraceNamesWhatDecides(t *testing.T) {
	s, h := tracedServer(t)
	h.set(s.says(inquiry.Allow, same))
	s.must("PUT", "/v1/nics/n4", `{"account":"acme","network":"net","mac":"02:00:00:00:00:04","addresses":["10.0.0.4"],"enforcement":"off"}`)
	s.must("PUT", "/v1/baseline", `{"addresses":[{"address":"169.254.169.254","protocol":"tcp","port":80}]}`)
	s.must("PUT", "/v1/accounts/acme/security-groups/peers", `{"name":"peers","default_rules":false}`)
	s.must("PUT", "/v1/accounts/acme/nics/n2/security-groups/peers", "")
	s.must("PUT", "/v1/accounts/acme/security-groups/web/rules/both", `{"direction":"ingress","protocol":"tcp","port_min":8000,"port_max":8100,"remote_group":"peers","remote_cidr":"10.0.0.0/28"}`)
	s.must("PUT", "/v1/accounts/acme/security-groups/web/rules/ping", `{"direction":"ingress","protocol":"icmp","icmp_type":8,"remote_cidr":"8.8.8.0/24"}`)
	s.must("PUT", "/v1/accounts/acme/security-groups/listed", `{"name":"listed","default_rules":false,"egress_policy":"listed"}`)
	for _, c := range []struct {
		body string
		want map[string]string
	}{
		{`{"source":{"nic":"n2"},"destination":{"nic":"n1"},"protocol":"tcp","port":8080}`, map[string]string{
			"legs.1.policy.rule": "both", "legs.1.policy.clause.group": "peers", "legs.1.policy.clause.member": "10.0.0.2",
			"legs.1.policy.clause.cidr": "10.0.0.0/28", "legs.1.policy.clause.service": "tcp 8000-8100",
			"legs.1.policy.detail": "tcp 8000-8100 with group peers within 10.0.0.0/28"}},
		{`{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"icmp"}`, map[string]string{
			"legs.0.policy.rule": "ping", "legs.0.policy.clause.cidr": "8.8.8.0/24", "legs.0.policy.clause.group": "null", "legs.0.policy.clause.member": "null"}},
		{`{"source":{"address":"9.9.9.9"},"destination":{"nic":"n1"},"protocol":"icmp"}`, map[string]string{
			"legs.0.policy.nearest.rule": "ping", "legs.0.policy.nearest.differs.0": "8.8.8.0/24 is allowed, 9.9.9.9 is not of it"}},
		{`{"source":{"nic":"n1"},"destination":{"address":"169.254.169.254"},"protocol":"tcp","port":80}`, map[string]string{
			"legs.0.policy.verdict": "allow", "legs.0.policy.reason": "baseline"}},
		{`{"source":{"nic":"n1"},"destination":{"address":"169.254.169.254"},"protocol":"tcp","port":81}`, map[string]string{
			"legs.0.policy.reason": "no-rule", "legs.0.policy.because.0.group": "web", "legs.0.policy.because.0.rule": "dns"}},
		{`{"source":{"nic":"n1"},"destination":{"address":"8.8.8.8"},"protocol":"udp","source_port":67,"port":68}`, map[string]string{
			"legs.0.policy.verdict": "deny", "legs.0.policy.reason": "guard"}},
		{`{"source":{"nic":"n4"},"destination":{"address":"8.8.8.8"},"protocol":"udp","port":54}`, map[string]string{
			"legs.0.policy.verdict": "allow", "legs.0.policy.reason": "enforcement-off"}},
	} {
		s.trace(http.StatusCreated, c.body).want(t, c.want)
	}
	s.must("PUT", "/v1/accounts/acme/nics/n2/security-groups", `["listed"]`)
	s.trace(http.StatusCreated, `{"source":{"nic":"n2"},"destination":{"address":"8.8.8.8"},"protocol":"udp","port":53}`).want(t, map[string]string{
		"legs.0.policy.because.0.group": "listed", "legs.0.policy.because.0.rule": "null",
		"legs.0.policy.detail": "egress is restricted by group listed; the NIC's groups have no egress rules"})
	h.set(func(inquiry.TraceQuestion) (inquiry.TraceAnswer, error) {
		return inquiry.TraceAnswer{Ingress: &inquiry.Leg{Verdict: inquiry.Deny, Reason: "not-ready", Detail: "two interfaces claim it"}}, nil
	})
	s.trace(http.StatusCreated, `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`).want(t, map[string]string{
		"verdict": "deny", "legs.0.datapath.reason": "not-ready", "summary": "ingress: not-ready: two interfaces claim it"})
}

// What belongs to no connection and is none is said to be dropped, whatever the
// rules say; ICMP that is not tracked is judged by them in every state; and the
// hosts are asked for what connection tracking can say.
func TestTraceOfICMPKnowsConntrack(t *testing.T) {
	s, h := tracedServer(t)
	s.must("PUT", "/v1/accounts/acme/security-groups/web/rules/icmp", `{"direction":"ingress","protocol":"icmp"}`)
	var asked atomic.Value // the state of the last question
	agreeing := func(v inquiry.Verdict) {
		says := s.says(v, same)
		h.set(func(q inquiry.TraceQuestion) (inquiry.TraceAnswer, error) {
			asked.Store(q.State)
			return says(q)
		})
	}
	for _, c := range []struct {
		message, state string // asked for
		verdict        inquiry.Verdict
		reason         string
		asks           inquiry.State
		icmpType       string
	}{
		{`"icmp_type":8`, "new", "allow", "rule", inquiry.New, "8"},
		{`"icmp_type":13`, "new", "allow", "rule", inquiry.New, "13"},
		{`"icmp_type":17`, "new", "allow", "rule", inquiry.New, "17"},
		{`"icmp_type":17`, "established", "allow", "rule", inquiry.New, "17"},
		{`"icmp_type":30`, "invalid", "allow", "rule", inquiry.New, "30"},
		{`"icmp_type":8,"icmp_code":1`, "new", "deny", "ct-invalid", inquiry.New, "8"},
		{`"icmp_type":8,"icmp_code":1`, "established", "deny", "ct-invalid", inquiry.Invalid, "8"},
		{`"icmp_type":0`, "new", "deny", "ct-invalid", inquiry.New, "0"},
		{`"icmp_type":3,"icmp_code":3`, "new", "deny", "ct-invalid", inquiry.New, "3"},
		{`"icmp_type":3,"icmp_code":3`, "established", "deny", "ct-invalid", inquiry.Invalid, "3"},
		{`"icmp_type":8`, "established", "allow", "established", inquiry.Established, "8"},
	} {
		agreeing(c.verdict)
		a := s.trace(http.StatusCreated, `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"icmp","state":"`+c.state+`",`+c.message+`}`)
		a.want(t, map[string]string{"legs.0.policy.verdict": string(c.verdict), "legs.0.policy.reason": c.reason, "packet.icmp_type": c.icmpType})
		if got := asked.Load(); got != c.asks {
			t.Errorf("%s, %s: the host is asked of %v", c.message, c.state, got)
		}
	}
	// The answering end, n1, sends. A connection that cannot be has no answers.
	for _, c := range []struct {
		message, state   string
		verdict          inquiry.Verdict
		reason, icmpType string
	}{
		{`"icmp_type":8`, "reply", "allow", "established", "0"},
		{`"icmp_type":0`, "reply", "allow", "established", "0"},
		{`"icmp_type":13`, "reply", "allow", "established", "14"},
		{`"icmp_type":8`, "related", "allow", "related", "3"},
		{`"icmp_type":17`, "related", "deny", "ct-invalid", "3"},
		{`"icmp_type":8,"icmp_code":1`, "reply", "deny", "ct-invalid", "0"},
		{`"icmp_type":17`, "reply", "deny", "no-rule", "17"},
	} {
		agreeing(c.verdict)
		a := s.trace(http.StatusCreated, `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"icmp","state":"`+c.state+`",`+c.message+`}`)
		a.want(t, map[string]string{"legs.0.direction": "egress", "legs.0.policy.verdict": string(c.verdict), "legs.0.policy.reason": c.reason, "packet.icmp_type": c.icmpType})
	}
}

// A rule whose messages need none where they belong to a connection, and are
// dropped where they do not, is inert.
func TestRulesOfWhatIsInvalidAreInert(t *testing.T) {
	s, _ := tracedServer(t)
	const rules = "/v1/accounts/acme/security-groups/web/rules/"
	for name, c := range map[string]struct{ body, inert string }{
		"reply":         {`"icmp_type":0`, "ct-invalid"},
		"error":         {`"icmp_type":3`, "ct-invalid"},
		"code":          {`"icmp_type":8,"icmp_code":1,"family":"ipv4"`, "ct-invalid"},
		"v6":            {`"icmp_type":8,"family":"ipv6"`, "ct-invalid"},
		"echo":          {`"icmp_type":8`, "null"},
		"echo-code":     {`"icmp_type":8,"icmp_code":0,"family":"ipv4"`, "null"},
		"mask":          {`"icmp_type":17`, "null"},
		"mask-of-v6":    {`"icmp_type":17,"remote_cidr":"fd00::/64"`, "ct-invalid"},
		"reply-of-v6":   {`"icmp_type":129`, "null"}, // nobody has assigned 129 of ICMP
		"all-messages":  {`"description":"all"`, "null"},
		"listener-done": {`"icmp_type":132,"family":"ipv6"`, "null"},
	} {
		a := s.must("PUT", rules+name, `{"direction":"ingress","protocol":"icmp",`+c.body+`}`)
		want := map[string]string{"inert": c.inert, "effects.inert_rules": `["` + name + `"]`}
		if c.inert == "null" {
			delete(want, "effects.inert_rules")
		}
		a.want(t, want)
		s.must("DELETE", rules+name, "")
	}
}

// Where two NICs whose egress is open get through by sending to each other, which
// no rule allows, the trace says so; and only there.
func TestTraceTellsOfBothEndsThatSend(t *testing.T) {
	s, h := tracedServer(t)
	s.must("PUT", "/v1/nics/n5", `{"account":"acme","network":"net","mac":"02:00:00:00:00:05","addresses":["10.0.0.5"]}`)
	for nic, group := range map[string]string{"n2": "left", "n5": "right"} {
		s.must("PUT", "/v1/accounts/acme/security-groups/"+group, `{"name":"`+group+`","default_rules":false}`)
		s.must("PUT", "/v1/accounts/acme/nics/"+nic+"/security-groups", `["`+group+`"]`)
	}
	said := func(protocol string, want bool) {
		t.Helper()
		h.set(s.says(inquiry.Deny, same))
		a := s.trace(http.StatusCreated, `{"source":{"nic":"n2"},"destination":{"nic":"n5"},"protocol":`+protocol+`}`)
		a.want(t, map[string]string{"legs.1.direction": "ingress", "legs.1.policy.verdict": "deny", "legs.1.policy.reason": "no-rule"})
		if detail := a.text("legs", 1, "policy", "detail"); strings.Contains(detail, "both-ends-send") != want {
			t.Errorf("%s: %s", protocol, detail)
		}
	}
	said(`"udp","port":5000`, true)
	said(`47`, true)
	at := func(nics ...string) {
		t.Helper()
		status := store.HostStatus{Host: "h1", Connected: true, Applied: 1}
		for _, id := range nics {
			status.NICs = append(status.NICs, store.HostNIC{ID: id, Ready: true})
		}
		if err := s.store.PutHost(t.Context(), status); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if err := s.store.WaitHosts(ctx, func(all []store.HostStatus) bool {
			return slices.ContainsFunc(all, func(h store.HostStatus) bool { return len(h.NICs) == len(nics) })
		}); err != nil {
			t.Fatal(err)
		}
	}
	at("n1", "n2", "n3", "n5") // within a host the ends know of each other
	said(`"udp","port":5000`, false)
	at("n1", "n3", "n5") // n2 is somewhere else
	said(`"udp","port":5000`, true)
	said(`"tcp","port":5000`, false)
	said(`"icmp"`, false)
	s.must("PUT", "/v1/accounts/acme/security-groups/left/rules/in", `{"direction":"ingress","protocol":"udp"}`)
	said(`"udp","port":5000`, false) // n5 may begin it: a reply like any other
	said(`47`, true)
	s.must("PATCH", "/v1/accounts/acme/security-groups/right", `{"egress_policy":"listed"}`, "Content-Type: application/merge-patch+json")
	said(`47`, false)
}
