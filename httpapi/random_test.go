package httpapi

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/inquiry"
)

// values are what random bodies are made of: what belongs there, and what does not.
var values = []string{
	`"web"`, `"db"`, `"default"`, `"ghost"`, `"acme"`, `"net1"`, `"net2"`, `"n1"`, `"vm1"`, `""`, `"a b"`, `"bolt/theirs"`,
	`"ingress"`, `"egress"`, `"tcp"`, `"ICMP"`, `"all"`, `"47"`, `47`, `256`, `-1`, `0`, `80`, `65536`, `1.5`, `1e3`, `99999999999999999999`,
	`"ipv4"`, `"ipv6"`, `"any"`, `"10.0.0.0/8"`, `"fd00::/8"`, `"::ffff:10.0.0.0/104"`, `"0.0.0.0/0"`, `"10.0.0.9"`, `"fe80::1%eth0"`,
	`"02:00:00:00:00:09"`, `"listed"`, `"open"`, `"auto"`, `"block"`, `"on"`, `"off"`, `"vpc"`, `"flat"`, `"blue"`,
	`true`, `false`, `null`, `[]`, `{}`, `["web","db"]`, `[{"id":"web"}]`, `["net1"]`, `["10.0.0.9","fd00::9"]`, `{"a":"b"}`, `{"nics":{"limit":3}}`,
	`"` + strings.Repeat("ü", 300) + `"`, "\"\\u0000\"", "\"\\ud800\"",
}

// randomBody draws a body from the fields of a schema.
func randomBody(r *rand.Rand, fields []string, depth int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range r.IntN(len(fields) + 1) {
		if i > 0 {
			b.WriteByte(',')
		}
		name := fields[r.IntN(len(fields))]
		if r.IntN(20) == 0 {
			name = "nonsense"
		}
		value := values[r.IntN(len(values))]
		if (name == "rules" || name == "items" || name == "addresses") && depth < 2 && r.IntN(2) == 0 {
			value = "[" + randomBody(r, fields, depth+1) + "," + randomBody(r, ruleFields, depth+1) + "]"
		}
		fmt.Fprintf(&b, "%q:%s", name, value)
	}
	b.WriteByte('}')
	switch r.IntN(30) {
	case 0:
		return b.String()[:r.IntN(b.Len())]
	case 1:
		return values[r.IntN(len(values))]
	case 2:
		return "[" + b.String() + "]"
	}
	return b.String()
}

var ruleFields = []string{"direction", "protocol", "port_min", "port_max", "icmp_type", "remote_cidr", "remote_group", "family", "enabled", "id"}

// fieldsOf lists the fields of an operation's body by name, nil if it has none: a
// seed makes the same requests each time.
func fieldsOf(d *described, op any) []string {
	schema, _ := d.get(op, "requestBody", "content", "application/json").(map[string]any)
	if schema == nil {
		return nil
	}
	var out []string
	collect := func(v any) {
		props, _ := d.get(v, "properties").(map[string]any)
		for name := range props {
			out = append(out, name)
		}
	}
	collect(schema["schema"])
	any, _ := d.get(schema["schema"], "anyOf").([]any)
	for _, v := range any {
		collect(v)
	}
	slices.Sort(out)
	return out
}

// randomIDs are what random paths are made of.
var randomIDs = map[string][]string{
	"account": {"acme", "bolt", "ghost", "new"}, "group": {"web", "db", "free", "default", "ghost", "theirs", "bolt%2Ftheirs", "acme%2Fweb"}, "rule": {"r1", "r2", "r9"},
	"network": {"net1", "net2", "lonely", "ghost"}, "nic": {"n1", "n2", "b1", "n9"}, "instance": {"vm1", "vm9"}, "host": {"h1", "h9"}, "grantee": {"acme", "bolt", "ghost"},
}

func randomPath(r *rand.Rand, path string) string {
	for _, name := range slices.Sorted(maps.Keys(randomIDs)) {
		of := randomIDs[name]
		path = strings.ReplaceAll(path, "{"+name+"}", of[r.IntN(len(of))])
	}
	return path
}

// randomTransaction draws up to four operations.
func randomTransaction(r *rand.Rand, d *described) string {
	var ops []string
	all := routes()
	for range 1 + r.IntN(4) {
		route := all[r.IntN(len(all))]
		_, op := d.operation(route.method, randomPath(r, route.path))
		body := "null"
		if fields := fieldsOf(d, op); len(fields) > 0 {
			body = randomBody(r, fields, 0)
		}
		path := strings.TrimPrefix(randomPath(r, route.path), "/v1/accounts/acme")
		ops = append(ops, fmt.Sprintf(`{"as":"x%d","method":%q,"path":%q,"body":%s}`, r.IntN(3), route.method, path, body))
	}
	return `{"operations":[` + strings.Join(ops, ",") + `]}`
}

// randomRequests are enough for every operation to be asked some hundred times;
// a tenth of them is for the race detector.
const randomRequests = 20_000

// Random requests of all operations: each answer is described (do checks that),
// none is an internal error, and a refused request changes nothing.
func TestRandomRequests(t *testing.T) {
	t.Parallel()
	s := used(t)
	s.report("h1", 1, "n1", "n2")
	s.tells("h1", func() ([]inquiry.Connection, error) { return nil, nil })
	d := describe(t)
	r := rand.New(rand.NewPCG(7, 7))
	all := routes()
	tokens := []string{admin, admin, admin, memberAcme, memberBolt, viewerAcme, viewerAll}
	queries := []string{"", "", "", "?dry_run=true", "?limit=1", "?cascade=attachments,references", "?revision=3", "?name=web", "?confirm=open-egress", "?cursor=e30"}
	headers := []string{"X-Request-Id: r", "If-Match: *", "If-None-Match: *", "Prefer: wait=0", `If-Match: "12-abc"`, "Content-Type: text/plain"}
	statuses := map[int]int{}
	requests := randomRequests
	if testing.Short() {
		requests /= 10
	}
	for range requests {
		route := all[r.IntN(len(all))]
		path := randomPath(r, route.path)
		body := ""
		if _, op := d.operation(route.method, path); r.IntN(10) > 0 {
			if fields := fieldsOf(d, op); len(fields) > 0 {
				body = randomBody(r, fields, 0)
			}
		}
		if strings.HasSuffix(path, "/transactions") && r.IntN(4) > 0 {
			body = randomTransaction(r, d)
		}
		h := []string{"Prefer: wait=0", as(tokens[r.IntN(len(tokens))])[0]}
		if r.IntN(4) == 0 {
			h = append(h, headers[r.IntN(len(headers))])
		}
		before := s.api.newestRevision(t)
		a := s.do(route.method, path+queries[r.IntN(len(queries))], body, h...)
		statuses[a.status]++
		if a.status >= http.StatusInternalServerError {
			t.Fatalf("%s %s %s: %d %s\n%s", route.method, path, body, a.status, a.raw, s.log)
		}
		if after := s.api.newestRevision(t); a.status >= 400 && after != before {
			t.Fatalf("%s %s %s: %d, yet the policy changed", route.method, path, body, a.status)
		}
	}
	wanted := []int{200, 400, 403, 404, 415, 422}
	if !testing.Short() { // few requests are seldom answered otherwise
		wanted = append(wanted, 201, 204, 409, 412)
	}
	for _, want := range wanted {
		if statuses[want] == 0 {
			t.Errorf("no answer was %d: %v", want, statuses)
		}
	}
}
