package httpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
)

// many writes n elements with commas between; %d in one is its number.
func many(n int, one string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		if strings.Contains(one, "%d") {
			fmt.Fprintf(&b, one, i)
		} else {
			b.WriteString(one)
		}
	}
	return b.String()
}

// No body of 2 MiB costs much more than another, whatever it is made of.
func TestLargeBodiesCostLittle(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("one request at a time: nothing for the race detector")
	}
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	for name, r := range map[string]refusal{
		"fields that nobody knows":   {method: "PUT", path: web, body: `{"name":"web",` + many(120_000, `"x%d":0`) + `}`, status: 400, code: "unknown-field"},
		"one name, again and again":  {method: "PUT", path: web, body: `{"name":"web",` + many(300_000, `"x":0`) + `}`, status: 400, code: "malformed-json"},
		"rules of nothing":           {method: "PUT", path: rules, body: `[` + many(600_000, `{}`) + `]`, status: 422, code: "invalid-value"},
		"as many wrong rules as fit": {method: "PUT", path: rules, body: `[` + many(shape.MaxRules, `{"direction":"up","protocol":"tcp","port_max":%d}`) + `]`, status: 422, code: "invalid-value"},
		"a network too many":         {method: "PUT", path: web, body: `{"name":"web","networks":[` + many(strictjson.MaxItems+1, `"n%d"`) + `]}`, status: 422, code: "invalid-value"},
		"groups without end":         {method: "PUT", path: acme + "/nics/n1/security-groups", body: `[` + many(150_000, `"g%d"`) + `]`, status: 422, code: "invalid-value"},
		"addresses without end":      {method: "PUT", path: "/v1/nics/n9", body: `{"account":"acme","network":"net1","mac":"02:00:00:00:00:09","addresses":[` + many(150_000, `"10.0.0.1"`) + `]}`, status: 422, code: "invalid-value"},
		"prefixes that all overlap":  {method: "PUT", path: "/v1/networks/n", body: `{"type":"vpc","vpc":"v","prefixes":[` + many(strictjson.MaxItems, `"10.0.0.0/8"`) + `]}`, status: 422, code: "invalid-value"},
		"tags without end":           {method: "PATCH", path: web, body: `{"tags":{` + many(120_000, `"x%d":"y"`) + `}}`, status: 422, code: "invalid-value"},
		"baseline without end":       {method: "PUT", path: "/v1/baseline", body: `{"addresses":[` + many(600_000, `{}`) + `]}`, status: 422, code: "invalid-value"},
		"brackets within brackets":   {method: "PUT", path: web, body: strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20), status: 400, code: "malformed-json"},
	} {
		begun := time.Now()
		a := s.do(r.method, r.path, r.body)
		if a.status != r.status || a.text("code") != r.code {
			t.Errorf("%s: %d %.300s", name, a.status, a.raw)
		}
		t.Logf("%s took %v", name, time.Since(begun).Round(time.Millisecond))
		if len(a.raw) > 200_000 {
			t.Errorf("%s is answered with %d bytes", name, len(a.raw))
		}
	}
	begun := time.Now()
	s.must("PUT", rules, `[`+many(shape.MaxRules, `{"direction":"ingress","protocol":"tcp","port_min":1,"remote_cidr":"10.0.0.0/8","description":"rule %d"}`)+`]`).
		want(t, map[string]string{"items.1": "null"}) // all of one content
	s.must("PUT", rules, `[`+many(shape.MaxRules, `{"id":"r%d","direction":"ingress","protocol":"tcp","port_min":1,"remote_cidr":"10.0.0.0/8"}`)+`]`).
		want(t, map[string]string{"items.4999.port_min": "1"})
	t.Logf("a group's worth of rules took %v", time.Since(begun).Round(time.Millisecond))
}
