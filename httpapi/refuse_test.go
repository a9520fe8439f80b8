package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// refusal is a wrong request and how docs/api.md has it answered.
type refusal struct {
	name           string
	method, path   string
	body           string
	status         int
	code           string
	faults         string // "pointer code" of each, sorted, separated by ", "
	headers        []string
	dependents     string // the first one, as JSON
	responseHeader string // "Name: value" that the answer must have
}

const (
	acme   = "/v1/accounts/acme"
	groups = acme + "/security-groups"
	web    = groups + "/web"
	rules  = web + "/rules"
)

// used is a world in which everything is used by something.
func used(t *testing.T) *server {
	t.Helper()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	s.must("PUT", rules+"/r1", `{"direction":"ingress","protocol":"tcp","port_min":80}`)
	s.must("PUT", groups+"/db", `{"name":"db","networks":["net1"],"default_rules":false}`)
	s.must("PUT", groups+"/db/rules/r2", `{"direction":"ingress","protocol":"tcp","port_min":5432,"remote_group":"web"}`)
	s.must("PUT", groups+"/free", `{"name":"free"}`)
	s.must("PUT", acme+"/nics/n2/security-groups/web", "")
	s.must("PUT", "/v1/networks/lonely", `{"type":"vpc","vpc":"red","prefixes":["10.0.0.0/16"],"vlan":8}`)
	s.must("PUT", "/v1/networks/net3", `{"type":"public"}`)
	s.must("PUT", "/v1/networks/net4", `{"type":"public","vlan":4}`)
	s.must("PUT", "/v1/networks/net5", `{"type":"flat","routing_domain":"lab","vlan":5}`)
	s.must("PUT", "/v1/nics/n4", `{"account":"acme","network":"net4","mac":"02:00:00:00:00:02"}`)
	s.must("PUT", "/v1/nics/n5", `{"account":"acme","network":"net5","mac":"02:00:00:00:00:03"}`)
	s.must("PUT", "/v1/accounts/bolt/security-groups/theirs", `{"name":"theirs"}`)
	s.must("PUT", "/v1/nics/b1", `{"account":"bolt","network":"net1","mac":"02:00:00:00:01:01","addresses":["10.0.1.1"]}`)
	s.must("PUT", "/v1/accounts/guarded", `{"settings":{"egress_open_guard":"block"}}`)
	s.must("PUT", "/v1/accounts/guarded/security-groups/tight", `{"name":"tight","egress_policy":"listed"}`)
	s.must("PUT", "/v1/nics/g1", `{"account":"guarded","network":"net1","mac":"02:00:00:00:02:01","addresses":["10.0.2.1"]}`)
	s.must("PUT", "/v1/accounts/guarded/nics/g1/security-groups/tight", "")
	return s
}

func TestWrongRequests(t *testing.T) {
	t.Parallel()
	s := used(t)
	before := s.must("GET", groups, "").text("revision")
	for _, all := range [][]refusal{formRefusals, accessRefusals, valueRefusals, conflictRefusals, parameterRefusals} {
		for _, r := range all {
			t.Run(r.name, func(t *testing.T) { r.run(t, s) })
		}
	}
	if after := s.must("GET", groups, "").text("revision"); after != before {
		t.Errorf("the policy went from revision %s to %s: a refused request changed it", before, after)
	}
	if strings.Contains(s.log.String(), "request failed") {
		t.Errorf("wrong requests are no errors of ours, but the log has\n%s", s.log)
	}
}

func (r refusal) run(t *testing.T, s *server) {
	a := s.do(r.method, r.path, r.body, r.headers...)
	if a.status != r.status || a.text("code") != r.code {
		t.Fatalf("%s %s %.200s: %d %s, want %d %s\n%s", r.method, r.path, r.body, a.status, a.text("code"), r.status, r.code, a.raw)
	}
	var faults []string
	for i := 0; a.at("errors", i) != nil; i++ {
		faults = append(faults, a.text("errors", i, "pointer")+" "+a.text("errors", i, "code"))
	}
	slices.Sort(faults)
	if got := strings.Join(faults, ", "); got != r.faults {
		t.Errorf("faults %q, want %q", got, r.faults)
	}
	if r.dependents != "" && a.text("dependents", 0) != r.dependents {
		t.Errorf("dependents %s, want first %s", a.text("dependents"), r.dependents)
	}
	a.want(t, map[string]string{"status": fmt.Sprint(r.status), "request_id": a.header.Get("X-Request-Id")})
	if name, value, ok := strings.Cut(r.responseHeader, ": "); ok && a.header.Get(name) != value {
		t.Errorf("%s is %q, want %q", name, a.header.Get(name), value)
	}
}

var big = `{"name":"` + strings.Repeat("x", maxBody) + `"}`

// formRefusals are requests that cannot be read.
var formRefusals = []refusal{
	{name: "no body", method: "POST", path: groups, body: " ", status: 400, code: "malformed-json"},
	{name: "no JSON", method: "POST", path: groups, body: `{"name":`, status: 400, code: "malformed-json"},
	{name: "bare word", method: "POST", path: groups, body: `name`, status: 400, code: "malformed-json"},
	{name: "trailing data", method: "POST", path: groups, body: `{"name":"a"}{"name":"b"}`, status: 400, code: "malformed-json"},
	{name: "trailing comma", method: "POST", path: groups, body: `{"name":"a",}`, status: 400, code: "malformed-json"},
	{name: "not UTF-8", method: "POST", path: groups, body: "{\"name\":\"\xff\"}", status: 400, code: "malformed-json"},
	{name: "deeply nested", method: "POST", path: groups, body: `{"tags":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, status: 400, code: "malformed-json"},
	{name: "name twice", method: "POST", path: groups, body: `{"name":"a","name":"b"}`, status: 400, code: "malformed-json", faults: "/name malformed-json"},
	{name: "name twice, deeper", method: "POST", path: groups, body: `{"name":"a","tags":{"x/y":"1","x/y":"2"}}`, status: 400, code: "malformed-json", faults: "/tags/x~1y malformed-json"},
	{name: "unknown field", method: "POST", path: groups, body: `{"name":"a","colour":"red"}`, status: 400, code: "unknown-field", faults: "/colour unknown-field"},
	{name: "unknown field of a rule in a set", method: "PUT", path: rules, body: `[{"direction":"ingress","protocol":"tcp","action":"drop"}]`, status: 400, code: "unknown-field", faults: "/0/action unknown-field"},
	{name: "unknown field and a bad value", method: "POST", path: rules, body: `{"direction":"in","protocol":"tcp","priority":1}`, status: 400, code: "unknown-field", faults: "/direction invalid-value, /priority unknown-field"},
	{name: "alias beside the name", method: "POST", path: rules, body: `{"direction":"ingress","protocol":"tcp","port_min":1,"start_port":2}`, status: 400, code: "unknown-field", faults: "/start_port unknown-field"},
	{name: "body where none belongs", method: "PUT", path: acme + "/nics/n1/security-groups/web", body: `{"via":"nic"}`, status: 400, code: "unknown-field", faults: "/via unknown-field"},
	{name: "array for an object", method: "POST", path: groups, body: `[]`, status: 422, code: "invalid-value", faults: " invalid-value"},
	{name: "null for an object", method: "PUT", path: web, body: `null`, status: 422, code: "invalid-value", faults: " invalid-value"},
	{name: "no media type", method: "POST", path: groups, body: `{"name":"a"}`, headers: []string{"Content-Type: "}, status: 415, code: "unsupported-media-type"},
	{name: "form", method: "POST", path: groups, body: `name=a`, headers: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 415, code: "unsupported-media-type"},
	{name: "content coding", method: "POST", path: groups, body: `{"name":"a"}`, headers: []string{"Content-Encoding: gzip"}, status: 415, code: "unsupported-media-type"},
	{name: "half a surrogate pair", method: "POST", path: groups, body: `{"name":"a\ud800"}`, status: 400, code: "malformed-json"},
	{name: "merge patch for PUT", method: "PUT", path: web, body: `{"name":"web"}`, headers: []string{"Content-Type: application/merge-patch+json"}, status: 415, code: "unsupported-media-type"},
	{name: "JSON patch", method: "PATCH", path: web, body: `[]`, headers: []string{"Content-Type: application/json-patch+json"}, status: 415, code: "unsupported-media-type", responseHeader: "Accept-Patch: application/json, application/merge-patch+json"},
	{name: "other charset", method: "POST", path: groups, body: `{"name":"a"}`, headers: []string{"Content-Type: application/json; charset=latin1"}, status: 415, code: "unsupported-media-type"},
	{name: "large body", method: "POST", path: groups, body: big, status: 413, code: "body-too-large"},
	{name: "large body where none belongs", method: "DELETE", path: web, body: big, status: 413, code: "body-too-large"},
	{name: "no such route", method: "GET", path: "/v1/nonsense", status: 404, code: "not-found"},
	{name: "no such route at the top", method: "GET", path: "/", status: 404, code: "not-found"},
	{name: "no such method", method: "POST", path: web, body: `{}`, status: 405, code: "method-not-allowed", responseHeader: "Allow: OPTIONS, DELETE, GET, PATCH, PUT"},
	{name: "no such method on a list", method: "DELETE", path: groups, status: 405, code: "method-not-allowed", responseHeader: "Allow: OPTIONS, GET, POST"},
}

// accessRefusals are requests of those who may not make them.
var accessRefusals = []refusal{
	{name: "no token", method: "GET", path: groups, headers: []string{"Authorization: "}, status: 401, code: "unauthenticated", responseHeader: `WWW-Authenticate: Bearer realm="ringfence"`},
	{name: "wrong token", method: "GET", path: groups, headers: []string{"Authorization: Bearer nobody"}, status: 401, code: "unauthenticated"},
	{name: "basic authentication", method: "GET", path: groups, headers: []string{"Authorization: Basic YTpi"}, status: 401, code: "unauthenticated"},
	{name: "metrics without token", method: "GET", path: "/metrics", headers: []string{"Authorization: "}, status: 401, code: "unauthenticated"},
	{name: "metrics for a member", method: "GET", path: "/metrics", headers: as(memberAcme), status: 403, code: "forbidden"},
	{name: "accounts for a member", method: "GET", path: "/v1/accounts", headers: as(memberAcme), status: 403, code: "forbidden"},
	{name: "networks for a member", method: "GET", path: "/v1/networks", headers: as(memberAcme), status: 403, code: "forbidden"},
	{name: "hosts for a member", method: "GET", path: "/v1/hosts", headers: as(memberAcme), status: 403, code: "forbidden"},
	{name: "platform's NIC for a member", method: "GET", path: "/v1/nics/n1", headers: as(memberAcme), status: 403, code: "forbidden"},
	{name: "NIC made by a member", method: "PUT", path: "/v1/nics/n9", body: `{}`, headers: as(memberAcme), status: 403, code: "forbidden"},
	{name: "settings by a member", method: "PATCH", path: acme, body: `{}`, headers: as(memberAcme), status: 403, code: "forbidden"},
	{name: "write by a viewer", method: "POST", path: groups, body: `{"name":"a"}`, headers: as(viewerAcme), status: 403, code: "forbidden"},
	{name: "write by a viewer of all", method: "PUT", path: "/v1/networks/x", body: `{"type":"flat"}`, headers: as(viewerAll), status: 403, code: "forbidden"},
	{name: "group of another account", method: "GET", path: "/v1/accounts/bolt/security-groups/theirs", headers: as(memberAcme), status: 404, code: "not-found"},
	{name: "list of another account", method: "GET", path: "/v1/accounts/bolt/security-groups", headers: as(memberAcme), status: 404, code: "not-found"},
	{name: "settings of another account", method: "PATCH", path: "/v1/accounts/bolt", body: `{}`, headers: as(memberAcme), status: 404, code: "not-found"},
	{name: "write into another account", method: "POST", path: "/v1/accounts/bolt/security-groups", body: `{"name":"a"}`, headers: as(memberAcme), status: 404, code: "not-found"},
	{name: "NIC of another account by its own path", method: "GET", path: acme + "/nics/b1", status: 404, code: "not-found"},
	{name: "attaching another account's NIC", method: "PUT", path: acme + "/nics/b1/security-groups/web", status: 404, code: "not-found"},
	{name: "attaching another account's group", method: "PUT", path: acme + "/nics/n1/security-groups/theirs", status: 404, code: "not-found"},
	{name: "account made by a member", method: "POST", path: "/v1/accounts/ghost/security-groups", body: `{"name":"a"}`, headers: as(viewerAll), status: 403, code: "forbidden"},
	{name: "absent account", method: "GET", path: "/v1/accounts/ghost", status: 404, code: "not-found"},
	{name: "absent account's groups", method: "GET", path: "/v1/accounts/ghost/security-groups", status: 404, code: "not-found"},
	{name: "absent account's NICs", method: "GET", path: "/v1/accounts/ghost/nics", status: 404, code: "not-found"},
	{name: "absent group", method: "GET", path: groups + "/ghost", status: 404, code: "not-found"},
	{name: "absent group patched", method: "PATCH", path: groups + "/ghost", body: `{"name":"a"}`, status: 404, code: "not-found"},
	{name: "absent group deleted", method: "DELETE", path: groups + "/ghost", status: 404, code: "not-found"},
	{name: "absent group's rules", method: "GET", path: groups + "/ghost/rules", status: 404, code: "not-found"},
	{name: "rule for an absent group", method: "POST", path: groups + "/ghost/rules", body: `{"direction":"ingress","protocol":"tcp"}`, status: 404, code: "not-found"},
	{name: "rules for an absent group", method: "PUT", path: groups + "/ghost/rules", body: `[]`, status: 404, code: "not-found"},
	{name: "absent group's members", method: "GET", path: groups + "/ghost/members", status: 404, code: "not-found"},
	{name: "absent group's references", method: "GET", path: groups + "/ghost/references", status: 404, code: "not-found"},
	{name: "absent group's realization", method: "GET", path: groups + "/ghost/realization", status: 404, code: "not-found"},
	{name: "absent group's networks", method: "GET", path: groups + "/ghost/networks", status: 404, code: "not-found"},
	{name: "absent rule", method: "GET", path: rules + "/ghost", status: 404, code: "not-found"},
	{name: "absent rule patched", method: "PATCH", path: rules + "/ghost", body: `{}`, status: 404, code: "not-found"},
	{name: "absent rule deleted", method: "DELETE", path: rules + "/ghost", status: 404, code: "not-found"},
	{name: "absent network in a scope", method: "PUT", path: web + "/networks/ghost", status: 404, code: "not-found"},
	{name: "absent network out of a scope", method: "DELETE", path: web + "/networks/ghost", status: 404, code: "not-found"},
	{name: "absent instance", method: "GET", path: acme + "/instances/ghost", status: 404, code: "not-found"},
	{name: "absent instance deleted", method: "DELETE", path: acme + "/instances/ghost", status: 404, code: "not-found"},
	{name: "absent instance's groups", method: "PUT", path: acme + "/instances/ghost/security-groups", body: `[]`, status: 404, code: "not-found"},
	{name: "absent NIC", method: "GET", path: acme + "/nics/ghost", status: 404, code: "not-found"},
	{name: "absent NIC's groups", method: "GET", path: acme + "/nics/ghost/security-groups", status: 404, code: "not-found"},
	{name: "absent NIC's rules", method: "GET", path: acme + "/nics/ghost/effective-rules", status: 404, code: "not-found"},
	{name: "absent NIC deleted", method: "DELETE", path: "/v1/nics/ghost", status: 404, code: "not-found"},
	{name: "absent network", method: "GET", path: "/v1/networks/ghost", status: 404, code: "not-found"},
	{name: "absent network deleted", method: "DELETE", path: "/v1/networks/ghost", status: 404, code: "not-found"},
	{name: "absent host", method: "GET", path: "/v1/hosts/ghost", status: 404, code: "not-found"},
	{name: "no id at all", method: "GET", path: groups + "/a%2Fb", status: 404, code: "not-found"},
}

func as(token string) []string { return []string{"Authorization: Bearer " + token} }
