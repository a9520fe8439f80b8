package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/pages"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// The contract tests ask every operation of the description for every status
// that it describes, and check each answer against it. Requests are made of the
// description's own examples: an operation that has none, or a status that the
// request below does not provoke, fails.

// contract is an API on a policy with the objects that the examples name, with
// a host that has NICs and has applied none of it.
type contract struct {
	*server
	t       *testing.T
	d       *described
	limited *server // an API that takes one request of an account
	lost    *server // one whose store is lost
	past    *server // one whose store has forgotten the past
	later   *server // one to which the records of NIC and network ghost are of a later version
	trace   string
}

// sickStore is a store that something is wrong with.
type sickStore struct {
	Store
	lost bool
}

func (s sickStore) Stale() (time.Time, bool) { return time.Now(), s.lost }

func (s sickStore) Sync(ctx context.Context) error {
	if s.lost {
		return store.ErrUnavailable
	}
	return s.Store.Sync(ctx)
}

func (s sickStore) History(context.Context, int64, string, func() error, func(store.Event) error) error {
	return store.ErrCompacted
}

// laterStore has records that it cannot read.
type laterStore struct{ Store }

func (laterStore) Unreadable() []store.Unreadable {
	return []store.Unreadable{{Key: "nics/ghost", Object: secgroup.NICKey("ghost")}, {Key: "networks/ghost", Object: secgroup.NetworkKey("ghost")}}
}

func newContract(t *testing.T) *contract {
	t.Helper()
	c := &contract{server: serve(t), t: t, d: describe(t)}
	for _, r := range []struct{ path, body string }{
		{"/v1/networks/net-1", `{"type":"vpc","vpc":"blue","prefixes":["10.0.0.0/16","fd00::/64"],"vlan":100,"gateways":["10.0.0.254"]}`},
		{"/v1/accounts/acme", `{}`},
		{"/v1/accounts/bolt", `{}`},
		{"/v1/accounts/acme/instances/vm-1", `{"name":"web server 1"}`},
		{"/v1/nics/nic-1", `{"account":"acme","instance":"vm-1","network":"net-1","mac":"02:00:00:00:00:01","addresses":["10.0.0.1","fd00::1"]}`},
		{"/v1/nics/nic-2", `{"account":"acme","network":"net-1","mac":"02:00:00:00:00:02","addresses":["10.0.0.2"]}`},
		{"/v1/accounts/acme/security-groups/web", `{"name":"web","description":"public web servers","tags":{"tier":"front"},"default_rules":false}`},
		{"/v1/accounts/acme/security-groups/web/rules/https", `{"direction":"ingress","protocol":"tcp","port_min":443}`},
		{"/v1/accounts/acme/nics/nic-1/security-groups/web", ``},
		{"/v1/accounts/acme/security-groups/web/shares/bolt", `{"use":["attach","reference"]}`},
		{"/v1/accounts/acme/security-groups/web/networks/net-1", ``},
		{"/v1/accounts/full", `{"settings":{"egress_open_guard":"block"},"quotas":{"instances":1,"rules_per_group":1,"groups_per_nic":1}}`},
		{"/v1/accounts/full/security-groups/tight", `{"name":"tight","default_rules":false,"network_scope":"any","rules":[{"id":"e","direction":"egress","protocol":"tcp"}]}`},
		{"/v1/accounts/full/security-groups/other", `{"name":"other","default_rules":false,"network_scope":"listed"}`},
		{"/v1/accounts/full/security-groups/shut", `{"name":"shut","default_rules":false,"network_scope":"listed","networks":["net-1"],"egress_policy":"listed"}`},
		{"/v1/accounts/full/instances/full-vm", `{}`},
		{"/v1/nics/full-1", `{"account":"full","network":"net-1","mac":"02:00:00:00:00:03","addresses":["10.0.0.3"]}`},
		{"/v1/accounts/full/nics/full-1/security-groups/tight", ``},
		{"/v1/nics/full-2", `{"account":"full","instance":"full-vm","network":"net-1","mac":"02:00:00:00:00:04","addresses":["10.0.0.4"]}`},
		{"/v1/accounts/full/instances/full-vm/security-groups/tight", ``},
		{"/v1/accounts/strict", `{"settings":{"egress_open_guard":"block"}}`},
		{"/v1/accounts/strict/security-groups/default", `{"name":"default","egress_policy":"listed"}`},
		{"/v1/accounts/strict/security-groups/other", `{"name":"other","default_rules":false,"network_scope":"listed"}`},
		{"/v1/nics/strict-1", `{"account":"strict","network":"net-1","mac":"02:00:00:00:00:06","addresses":["10.0.0.6"]}`},
		{"/v1/accounts/strict/nics/strict-1/security-groups/other", ``},
		{"/v1/nics/full-3", `{"account":"full","network":"net-1","mac":"02:00:00:00:00:05","addresses":["10.0.0.5"]}`},
		{"/v1/accounts/full/nics/full-3/security-groups/shut", ``},
	} {
		c.must("PUT", r.path, r.body)
	}
	c.report("host-9", 1)
	c.report("host-1", 1, "nic-1", "nic-2", "spare-1", "spare-2", "spare-3")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.store.ServeAsks(ctx, "host-1", func(_ context.Context, kind string, _ json.RawMessage) (json.RawMessage, error) {
			if kind == inquiry.KindTrace {
				return nil, inquiry.ErrNoAnswer
			}
			return json.RawMessage(`{}`), nil
		})
	}()
	t.Cleanup(func() { stop(); <-ended })
	c.trace = c.must("POST", acmeTraces, c.example("trace"), "Prefer: wait=20").text("id")
	dir := t.TempDir()
	sick := func(name string, s Store, rate transport.RateLimit) *server {
		out := serveStore(t, c.store, filepath.Join(dir, name))
		tokens, err := tokens.Open(filepath.Join(dir, name), quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { tokens.Close() })
		api := New(Config{Store: s, Tokens: tokens, Logger: quiet(), Rate: rate})
		t.Cleanup(api.Close)
		web := httptest.NewServer(api)
		t.Cleanup(web.Close)
		out.url = web.URL
		return out
	}
	c.limited = sick("limited", c.store, transport.RateLimit{PerSecond: 1e-6, Burst: 1})
	c.limited.do("GET", acme, "", as(memberAcme)...)
	c.lost = sick("lost", sickStore{c.store, true}, transport.RateLimit{})
	c.past = sick("past", sickStore{c.store, false}, transport.RateLimit{})
	c.later = sick("later", laterStore{c.store}, transport.RateLimit{})
	return c
}

func (c *contract) operations() []contractOp {
	var all []contractOp
	for _, r := range routes() {
		_, op := c.d.operation(r.method, r.path)
		all = append(all, contractOp{c.d.get(op, "operationId").(string), r, op.(map[string]any)})
	}
	return all
}

// contractOp is an operation of the description, and its route.
type contractOp struct {
	id string
	route
	described map[string]any
}

// example is an operation's example of a body, "" if it takes none.
func (c *contract) example(id string) string {
	for _, op := range c.operations() {
		if op.id != id {
			continue
		}
		media, _ := c.d.get(op.described, "requestBody", "content", "application/json").(map[string]any)
		if media == nil {
			return ""
		}
		if media["example"] == nil {
			c.t.Errorf("%s has no example of a body", id)
		}
		text, err := json.Marshal(media["example"])
		if err != nil {
			c.t.Fatal(err)
		}
		return string(text)
	}
	return ""
}

// path fills the examples of the parameters in, the last one of them by last
// unless that is "".
func (c *contract) path(op contractOp, last string) string {
	path := op.route.path
	params, _ := c.d.get(c.d.doc, "paths", op.route.path, "parameters").([]any)
	for i, p := range params {
		name := c.d.get(p, "name").(string)
		value, _ := c.d.get(p, "example").(string)
		switch {
		case name == "trace":
			value = c.trace
		case value == "":
			c.t.Errorf("parameter %s has no example", name)
		}
		if i == len(params)-1 && last != "" {
			value = last
		}
		path = strings.Replace(path, "{"+name+"}", value, 1)
	}
	return path
}

// ask is a request, and what to ask before it.
type ask struct {
	before  []string // "METHOD path body"
	path    string   // "" = the examples'
	body    string   // "" = the example's
	headers []string
	on      *server
}

func TestContract(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("one request at a time, of operations that TestRandomRequests asks, too: nothing for the race detector")
	}
	c := newContract(t)
	asked := 0
	for _, op := range c.operations() {
		responses := c.d.get(op.described, "responses").(map[string]any)
		statuses := make([]string, 0, len(responses))
		for status := range responses {
			statuses = append(statuses, status)
		}
		slices.Sort(statuses)
		for _, status := range statuses {
			t.Run(op.id+" "+status, func(t *testing.T) {
				r := c.request(op, status)
				for _, b := range r.before {
					method, rest, _ := strings.Cut(b, " ")
					path, body, _ := strings.Cut(rest, " ")
					if a := c.do(method, path, body); a.status >= 400 && a.status != 404 {
						t.Fatalf("%s: %d %s", b, a.status, a.raw)
					}
				}
				on := c.server
				if r.on != nil {
					on = r.on
				}
				a := on.do(op.method, r.path, r.body, r.headers...)
				if fmt.Sprint(a.status) != status {
					t.Errorf("%s %s %.300s %v: %d %.600s", op.method, r.path, r.body, r.headers, a.status, a.raw)
				}
				if title := a.text("title"); a.status >= 400 && (title == "" || title == http.StatusText(a.status)) {
					t.Errorf("code %s", a.text("code"))
				}
			})
			asked++
		}
	}
	t.Logf("%d answers of %d operations", asked, len(routes()))
}

// request is one that is to be answered with a status.
func (c *contract) request(op contractOp, status string) ask {
	r, special := contractAsks[op.id+" "+status]
	if r.path == "" {
		r.path = c.path(op, "")
	}
	if r.body == "" {
		r.body = c.example(op.id)
	}
	r.before = append(slices.Clone(contractBefore[op.id]), r.before...)
	if status == "202" {
		r.before = append([]string{anywhere, attached}, r.before...)
	}
	if op.method == "PATCH" && r.headers == nil {
		r.headers = []string{"Content-Type: application/merge-patch+json"}
	}
	if special {
		return r
	}
	query := func(q string) { r.path += map[bool]string{false: "?", true: "&"}[strings.Contains(r.path, "?")] + q }
	switch status {
	case "200", "201":
		if op.method == "DELETE" {
			query("dry_run=true")
		}
	case "202":
		r.headers = append(r.headers, "Prefer: wait=0")
	case "204":
	case "304":
		r.headers = append(r.headers, "If-None-Match: "+c.must("GET", r.path, "").header.Get("ETag"))
	case "400":
		query("colour=red")
	case "401":
		r.headers = append(r.headers, "Authorization: Bearer nobody")
	case "403":
		r.headers = append(r.headers, as(map[bool]string{true: viewerAcme, false: memberAcme}[op.access == transport.AccountWrite])...)
	case "404":
		if r.headers = append(r.headers, as(memberBolt)...); !strings.Contains(op.route.path, "{account}") {
			r.path, r.headers = c.path(op, "ghost"), nil
		}
	case "409":
		r.path, r.on = c.path(op, "ghost"), c.later
	case "410":
		if op.id == "listEvents" {
			query("since=1")
			r.on = c.past
			break
		}
		if strings.HasSuffix(op.route.path, "/realization") {
			query("revision=99999999")
			break
		}
		list := (&call{req: httptest.NewRequest("GET", r.path, nil), in: &transport.Input{}}).listID()
		query("cursor=" + pages.Cursor{Revision: 1, After: "a", List: list}.Encode())
	case "412":
		r.headers = append(r.headers, `If-Match: "x"`)
	case "413":
		r.body = big
	case "415":
		r.body, r.headers = "x", []string{"Content-Type: text/plain"}
	case "422":
		r.body = `"nonsense"`
	case "429":
		r.on, r.headers = c.limited, append(r.headers, as(memberAcme)...)
	case "503":
		r.on = c.lost
	default:
		c.t.Errorf("%s: no request for status %s", op.id, status)
	}
	return r
}

// Each operation has an example of its body and of each answer that has one, and
// they are what their schemas say.
func TestExamples(t *testing.T) {
	t.Parallel()
	d := describe(t)
	checked := 0
	check := func(what, place string, media any) {
		m, _ := media.(map[string]any)
		if m == nil {
			return
		}
		if m["example"] == nil {
			t.Errorf("%s has no example", what)
			return
		}
		body, err := json.Marshal(m["example"])
		if err != nil {
			t.Fatal(err)
		}
		if err := d.check(map[string]any{"$ref": place + "/schema"}, body); err != nil {
			t.Errorf("%s: %s\n%v", what, body, err)
		}
		checked++
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1").Replace
	for _, r := range routes() {
		_, op := d.operation(r.method, r.path)
		id := d.get(op, "operationId").(string)
		at := "#/paths/" + escape(r.path) + "/" + strings.ToLower(r.method) + "/requestBody/content/" + escape("application/json")
		check(id, at, d.get(op, "requestBody", "content", "application/json"))
		for status, response := range d.get(op, "responses").(map[string]any) {
			ref := response.(map[string]any)["$ref"].(string)
			for _, kind := range []string{"application/json", "application/problem+json"} {
				check(id+" "+status, ref+"/content/"+escape(kind), d.get(response, "content", kind))
			}
		}
	}
	t.Logf("%d examples", checked)
}
