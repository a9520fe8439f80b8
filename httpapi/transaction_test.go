package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

const transactions = acme + "/transactions"

// Many changes are one revision, and later ones name what earlier ones made.
func TestTransactionIsOneRevision(t *testing.T) {
	t.Parallel()
	s := world(t)
	before := s.api.newestRevision(t)
	const body = `{"operations":[
		{"as":"db","method":"POST","path":"/security-groups","body":{"name":"db","default_rules":false}},
		{"as":"web","method":"PUT","path":"/security-groups/web","body":{"name":"web","default_rules":false}},
		{"as":"r","method":"POST","path":"/security-groups/${db}/rules","body":{"direction":"ingress","protocol":"tcp","port_min":5432,"remote_group":"${web}","description":"${db}"}},
		{"method":"PATCH","path":"/security-groups/${db}/rules/${r}","body":{"port_max":5433}},
		{"method":"PUT","path":"/instances/vm2","body":{"name":"two"}},
		{"method":"PUT","path":"/instances/vm1/security-groups/${web}"},
		{"method":"PUT","path":"/nics/n2/security-groups","body":["${db}"]},
		{"method":"PUT","path":"/security-groups/tmp","body":{"name":"tmp"}},
		{"method":"DELETE","path":"/security-groups/tmp"}]}`
	dry := s.must("POST", transactions+"?dry_run=true", body)
	if s.api.newestRevision(t) != before {
		t.Error("the dry run changed something")
	}
	dry.want(t, map[string]string{"dry_run": "true", "effects.nics": `["n1","n2","n3"]`})
	a := s.must("POST", transactions, body)
	db := a.text("results", 0, "body", "id")
	a.want(t, map[string]string{
		"results.0.as": "db", "results.0.status": "201", "results.0.location": groups + "/" + db,
		"results.1.status": "201", "results.2.body.remote_group": "web", "results.2.body.description": db,
		"results.2.body.port_max": "5433", "results.3.status": "200", "results.6.body.items.0.id": db, "results.7.body": "null",
		"results.8.status": "204", "effects.nics": `["n1","n2","n3"]`,
	})
	rev := a.header.Get("SG-Revision")
	for _, at := range []string{"0", "1", "2", "4"} {
		a.want(t, map[string]string{"results." + at + ".body.revision": rev})
	}
	if got := fmt.Sprint(s.api.newestRevision(t)); got != rev {
		t.Errorf("revision %s, want %s", got, rev)
	}
	s.must("GET", acme+"/nics/n1", "").want(t, map[string]string{"effective_groups.0.id": "web"})
	s.must("GET", acme+"/nics/n2", "").want(t, map[string]string{"effective_groups.0.id": db})
	s.must("GET", groups+"/"+db, "").want(t, map[string]string{"rules.0.port_max": "5433", "rules.0.remote_group": "web"})
	if a := s.do("GET", groups+"/tmp", ""); a.status != 404 {
		t.Errorf("what came and went is there: %d", a.status)
	}
	const more = `{"operations":[{"as":"g","method":"POST","path":"/security-groups","body":{"name":"more"}},{"method":"PUT","path":"/nics/n3/security-groups/${g}"}]}`
	first := s.must("POST", transactions, more, "Idempotency-Key: t")
	if replay := s.must("POST", transactions, more, "Idempotency-Key: t"); string(replay.raw) != string(first.raw) {
		t.Errorf("replayed %s\nfirst %s", replay.raw, first.raw)
	}
}

// Every refused operation is told, with the place of each fault; nothing is done.
func TestTransactionIsRefusedWhole(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	before := s.api.newestRevision(t)
	for name, tt := range map[string]struct {
		ops    string
		status int
		code   string
		errors string
	}{
		"faults in two, and what rests on one is passed over": {
			`{"method":"POST","path":"/security-groups/web/rules","body":{"direction":"up","protocol":"tcp","port_min":70000}},
			 {"as":"x","method":"POST","path":"/security-groups","body":{"name":""}},
			 {"method":"PUT","path":"/security-groups/${x}/rules/r","body":{"direction":"ingress","protocol":"tcp"}},
			 {"method":"PUT","path":"/security-groups/y","body":{"name":"y","rules":[{"direction":"ingress","protocol":"udp","remote_group":"ghost"}]}}`,
			422, "invalid-value", "/operations/0/body/port_min /operations/0/body/direction /operations/1/body/name /operations/3/body/rules/0/remote_group",
		},
		"conflicts": {
			`{"method":"PUT","path":"/security-groups/other","body":{"name":"web"}},{"method":"DELETE","path":"/security-groups/default"}`,
			409, "name-taken", "/operations/0 /operations/1",
		},
		"an object that is not there":    {`{"method":"DELETE","path":"/security-groups/ghost"}`, 404, "not-found", "/operations/0"},
		"another account's":              {`{"method":"PUT","path":"/../bolt/security-groups/x","body":{"name":"x"}}`, 422, "invalid-value", "/operations/0/path"},
		"a name that comes later":        {`{"method":"PUT","path":"/nics/n1/security-groups/${g}"},{"as":"g","method":"POST","path":"/security-groups","body":{"name":"g"}}`, 422, "invalid-value", "/operations/0/path"},
		"a name twice":                   {`{"as":"g","method":"POST","path":"/security-groups","body":{"name":"g"}},{"as":"g","method":"POST","path":"/security-groups","body":{"name":"h"}}`, 422, "invalid-value", "/operations/1/as"},
		"a fault after a name in a body": {`{"method":"PUT","path":"/security-groups/web/rules","body":[{"direction":"ingress","protocol":"tcp","remote_group":"${ghost}"}]}`, 422, "invalid-value", "/operations/0/body/0/remote_group"},
		"no such operation":              {`{"method":"GET","path":"/security-groups/web"}`, 422, "invalid-value", "/operations/0/path"},
		"itself":                         {`{"method":"POST","path":"/transactions","body":{"operations":[]}}`, 422, "invalid-value", "/operations/0/path"},
		"no body":                        {`{"method":"PUT","path":"/security-groups/web"}`, 400, "malformed-json", "/operations/0"},
		"a condition that does not hold": {`{"method":"PUT","path":"/security-groups/web","if_none_match":"*","body":{"name":"web"}}`, 412, "etag-mismatch", "/operations/0"},
		"a parameter of the whole":       {`{"method":"DELETE","path":"/security-groups/web?dry_run=true"}`, 422, "invalid-value", "/operations/0/path"},
		"unknown fields":                 {`{"method":"DELETE","path":"/security-groups/web","colour":1}`, 400, "unknown-field", "/operations/0/colour"},
		"too many":                       {many(101, `{"method":"DELETE","path":"/security-groups/web"}`), 422, "invalid-value", "/operations"},
		"none":                           {``, 422, "invalid-value", "/operations"},
	} {
		a := s.do("POST", transactions, `{"operations":[`+tt.ops+`]}`)
		var at []string
		list, _ := a.at("errors").([]any)
		for i := range list {
			at = append(at, a.text("errors", i, "pointer"))
		}
		if a.status != tt.status || a.text("code") != tt.code || strings.Join(at, " ") != tt.errors {
			t.Errorf("%s: %d %s at %v\n%s", name, a.status, a.text("code"), at, a.raw)
		}
	}
	for _, body := range []string{`{}`, `{"operations":null}`, `{"operations":{}}`} {
		if a := s.do("POST", transactions, body); a.status != 422 || a.text("errors", 0, "pointer") != "/operations" {
			t.Errorf("%s: %d %s", body, a.status, a.raw)
		}
	}
	if s.api.newestRevision(t) != before {
		t.Error("a refused transaction changed something")
	}
}

// The egress guard looks at the end of a transaction, not at what is between.
func TestTransactionGuardsEgressAtItsEnd(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PATCH", acme, `{"egress_open_guard":"block"}`)
	s.must("PUT", web, `{"name":"web","default_rules":false,"rules":[{"id":"e","direction":"egress","protocol":"tcp","port_min":53}]}`)
	s.must("PUT", acme+"/nics/n1/security-groups/web", "")
	const remove = `{"method":"DELETE","path":"/security-groups/web/rules/e"}`
	a := s.do("POST", transactions, `{"operations":[`+remove+`]}`)
	if a.status != 409 || a.text("code") != "would-open-egress" {
		t.Errorf("%d %s", a.status, a.raw)
	}
	s.must("POST", transactions, `{"operations":[`+remove+`,{"method":"PUT","path":"/security-groups/web/rules/f","body":{"direction":"egress","protocol":"udp"}}]}`).
		want(t, map[string]string{"effects.egress_became_open": "[]"})
}

// A hundred operations take no more than one revision.
func TestTransactionOfAHundred(t *testing.T) {
	t.Parallel()
	s := world(t)
	a := s.must("POST", transactions, `{"operations":[`+hundredGroups()+`]}`)
	a.want(t, map[string]string{"results.99.status": "201", "results.99.body.revision": a.header.Get("SG-Revision")})
	if n := len(s.must("GET", groups+"?limit=1000", "").at("items").([]any)); n != 101 {
		t.Errorf("%d groups", n)
	}
}

func hundredGroups() string {
	var ops []string
	for i := range 100 {
		ops = append(ops, fmt.Sprintf(`{"method":"PUT","path":"/security-groups/g%d","body":{"name":"name %d"}}`, i, i))
	}
	return strings.Join(ops, ",")
}
