package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/secgroup"
)

// Each mutation has one entry: who, from where, what, effects, request.
func TestAuditTellsOfEachMutation(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`, "X-Request-Id: make-web")
	made := s.must("PUT", rules+"/r1", `{"direction":"egress","protocol":"tcp","port_min":80}`, "Authorization: Bearer "+memberAcme)
	s.must("PUT", acme+"/nics/n1/security-groups/web", "")
	s.must("PUT", acme+"/nics/n1/security-groups/web", "") // changes nothing
	s.must("PATCH", rules+"/r1?dry_run=true", `{"port_max":90}`)
	s.must("PATCH", rules+"/r1", `{"port_max":90}`)
	s.do("PUT", groups+"/other", `{"name":"web"}`) // refused
	s.must("POST", transactions, `{"operations":[{"method":"DELETE","path":"/nics/n1/security-groups/web"},{"method":"DELETE","path":"/security-groups/web"}]}`)
	log := s.must("GET", acme+"/audit", "")
	log.want(t, map[string]string{
		"next_cursor":    "null",
		"items.0.method": "POST", "items.0.path": transactions, "items.0.changes.0.action": "deleted", "items.0.changes.0.kind": "attachment",
		"items.0.changes.1.kind": "security-group", "items.0.changes.1.patch": `[{"op":"remove","path":""}]`,
		"items.0.effects.egress_became_open": `["n1"]`,
		"items.1.changes":                    `[{"account":"acme","action":"updated","id":"web","kind":"security-group","patch":[{"op":"replace","path":"/rules/0/port_max","value":90}]}]`,
		"items.1.actor":                      `{"account":"*","address":"127.0.0.1","name":"platform","role":"admin"}`,
		"items.2.changes.0.kind":             "attachment", "items.2.changes.0.patch.0.value": `{"group":"web","nic":"n1"}`,
		"items.3.actor.name": "acme", "items.3.actor.role": "member", "items.3.revision": made.header.Get("SG-Revision"), "items.3.account": "acme",
		"items.3.changes.0.patch.0.path": "/rules/0", "items.3.changes.0.patch.0.op": "add", "items.3.changes.0.patch.0.value.id": "r1",
		"items.4.request_id": "make-web", "items.4.changes.0.action": "created", "items.4.changes.0.patch.0.value.name": "web",
		"items.9.changes.0.kind": "account", "items.9.path": acme,
	})
	if n := len(log.at("items").([]any)); n != 10 {
		t.Errorf("%d entries", n)
	}
	platform := s.must("GET", "/v1/audit", "")
	platform.want(t, map[string]string{"items.0.changes.0.id": "net2", "items.1.changes.0.id": "net1", "items.1.account": "null"})
	if n := len(platform.at("items").([]any)); n != 2 {
		t.Errorf("%d entries of the platform", n)
	}
	for path, token := range map[string]string{acme + "/audit": memberBolt, "/v1/audit": memberAcme} {
		if a := s.do("GET", path, "", "Authorization: Bearer "+token); a.status != 404 && a.status != 403 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func TestAuditFiltersAndPages(t *testing.T) {
	t.Parallel()
	s := world(t)
	for i := range 7 {
		s.must("PUT", fmt.Sprintf("%s/g%d", groups, i), fmt.Sprintf(`{"name":"g%d"}`, i), "X-Request-Id: "+fmt.Sprint("r", i))
	}
	s.must("DELETE", groups+"/g3", "", "Authorization: Bearer "+memberAcme)
	ids := func(query string) string {
		var out []string
		for cursor := ""; ; {
			a := s.must("GET", acme+"/audit?limit=2"+query+cursor, "")
			for i := range a.at("items").([]any) {
				out = append(out, a.text("items", i, "changes", 0, "id"))
			}
			if a.text("next_cursor") == "null" {
				return strings.Join(out, " ")
			}
			cursor = "&cursor=" + a.text("next_cursor")
		}
	}
	for query, want := range map[string]string{
		"":                                       "g3 g6 g5 g4 g3 g2 g1 g0 n3 n2 n1 vm1 acme",
		"&actor=acme":                            "g3",
		"&kind=nic":                              "n3 n2 n1",
		"&id=g3":                                 "g3 g3",
		"&id=g3&action=created":                  "g3",
		"&request_id=r5":                         "g5",
		"&until=2001-01-01T00:00:00Z":            "",
		"&since=2001-01-01T00:00:00Z&kind=ghost": "",
	} {
		if got := ids(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{"since=yesterday", "cursor=" + url.QueryEscape("{}"), "limit=0"} {
		if a := s.do("GET", acme+"/audit?"+query, ""); a.status != 400 {
			t.Errorf("%s: %d", query, a.status)
		}
	}
	// The log is bounded: the oldest entries go.
	s.api.audit.Entries = 3
	s.api.trim.Run(t.Context(), s.api.logger)
	if got := ids(""); got != "g3 g6 g5" {
		t.Errorf("trimmed: %s", got)
	}
}

// Long patches are left out, and long entries cut.
func TestAuditEntriesAreBounded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("one request at a time: nothing for the race detector")
	}
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	s.must("PUT", rules, "["+many(shape.MaxRules, `{"id":"r%d","direction":"ingress","protocol":"tcp","port_min":1}`)+"]")
	a := s.must("GET", acme+"/audit?limit=1", "")
	a.want(t, map[string]string{"items.0.changes.0.patch": "[]", "items.0.changes.0.patch_omitted": "true"})
}

// A patch leads from the one document to the other, whatever they are.
func TestPatchLeadsFromOneToTheOther(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 600 {
		from, to := randomGroup(r), randomGroup(r)
		a, err := shape.Document(from, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := shape.Document(to, nil)
		if err != nil {
			t.Fatal(err)
		}
		ops := strictjson.Diff(a, b)
		wire, err := json.Marshal(ops)
		if err != nil {
			t.Fatal(err)
		}
		var read []strictjson.Op
		if err := json.Unmarshal(wire, &read); err != nil {
			t.Fatal(err)
		}
		got := a
		for _, op := range read {
			got = applyOp(t, got, strings.Split(op.Path, "/")[1:], op)
		}
		x, _ := json.Marshal(got)
		y, _ := json.Marshal(b)
		if string(x) != string(y) {
			t.Fatalf("%s\nleads to %s\nnot to   %s", wire, x, y)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func randomGroup(r *rand.Rand) *secgroup.Group {
	g := &secgroup.Group{Name: fmt.Sprint(r.IntN(2)), Tags: map[string]string{}}
	for i := range 3 {
		if r.IntN(2) == 0 {
			g.Tags[fmt.Sprint("a/~", i)] = fmt.Sprint(r.IntN(2))
		}
		if r.IntN(2) == 0 {
			g.Networks = append(g.Networks, fmt.Sprint("n", i))
		}
	}
	for i := range 6 {
		if r.IntN(2) == 0 {
			g.Rules = append(g.Rules, secgroup.Rule{ID: fmt.Sprint("r", i), PortMin: uint16(r.IntN(2))})
		}
	}
	return g
}

// applyOp applies one operation as RFC 6902 has it.
func applyOp(t *testing.T, v any, path []string, op strictjson.Op) any {
	t.Helper()
	if len(path) == 0 {
		return op.Value
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	switch v := v.(type) {
	case map[string]any:
		if len(path) == 1 && op.Op == "remove" {
			out := map[string]any{}
			for k, e := range v {
				if k != name {
					out[k] = e
				}
			}
			return out
		}
		out := map[string]any{}
		maps.Copy(out, v)
		out[name] = applyOp(t, v[name], path[1:], op)
		return out
	case []any:
		var i int
		if _, err := fmt.Sscan(name, &i); err != nil || i > len(v) {
			t.Fatalf("index %q of %d", name, len(v))
		}
		out := append([]any{}, v[:i]...)
		switch {
		case len(path) == 1 && op.Op == "add":
			return append(append(out, op.Value), v[i:]...)
		case len(path) == 1 && op.Op == "remove":
			return append(out, v[i+1:]...)
		}
		return append(append(out, applyOp(t, v[i], path[1:], op)), v[i+1:]...)
	}
	t.Fatalf("%v of %v", path, v)
	return nil
}

// Entries are in the order of the mutations also under many writers.
func TestAuditOrderUnderWriters(t *testing.T) {
	t.Parallel()
	s := world(t)
	done := make(chan struct{})
	for w := range 6 {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range 5 {
				s.do("PUT", fmt.Sprintf("%s/w%d-%d", groups, w, i), fmt.Sprintf(`{"name":"%d %d"}`, w, i))
			}
		}()
	}
	for range 6 {
		<-done
	}
	a := s.must("GET", acme+"/audit?limit=1000&kind=security-group&since="+url.QueryEscape(time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)), "")
	items := a.at("items").([]any)
	if len(items) != 31 { // and the account's with its default group
		t.Errorf("%d entries", len(items))
	}
	at := func(i int) (float64, time.Time) {
		entry := items[i].(map[string]any)
		made, err := time.Parse(time.RFC3339Nano, entry["time"].(string))
		if err != nil {
			t.Error(err)
		}
		return entry["revision"].(float64), made
	}
	for i := 1; i < len(items); i++ {
		newer, newerAt := at(i - 1)
		if older, olderAt := at(i); newer < older || newer == older && newerAt.Before(olderAt) { // of those made together, the one planned later
			t.Errorf("entry %d is not newer than the next", i-1)
		}
	}
}

// Forgetting a host is in the platform's log.
func TestForgottenHostIsAudited(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.report("old", 0)
	s.must("DELETE", "/v1/hosts/old", "", "X-Request-Id: forget-it")
	log := s.must("GET", "/v1/audit", "")
	log.want(t, map[string]string{
		"items.0.request_id": "forget-it", "items.0.actor.name": "platform", "items.0.method": "DELETE", "items.0.path": "/v1/hosts/old",
		"items.0.changes.0.kind": "host", "items.0.changes.0.id": "old", "items.0.changes.0.action": "deleted", "items.1": "null",
	})
}

// What an operator says of the cluster is in the platform's log, once, the newest
// first although no revision of the policy is between.
func TestWordsAboutTheClusterAreAudited(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.must("PUT", "/v1/cluster", `{"older_apis_gone":true}`, "X-Request-Id: adopt")
	s.must("PUT", "/v1/cluster", `{"older_apis_gone":true}`, "X-Request-Id: adopted-already")
	for end := time.Now().Add(time.Minute); s.do("PUT", "/v1/cluster/hold", `{"level":1}`, "X-Request-Id: hold").status == 503 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond) // nothing is known of the members yet
	}
	s.must("PUT", "/v1/cluster/hold", `{"level":1}`, "X-Request-Id: held-already")
	if a := s.do("PUT", "/v1/cluster/hold", `{"level":2}`); a.status != 422 {
		t.Errorf("a level that the cluster does not have: %d", a.status)
	}
	held := s.must("GET", "/v1/cluster", "")
	s.must("DELETE", "/v1/cluster/hold", "", "X-Request-Id: release")
	s.must("DELETE", "/v1/cluster/hold", "", "X-Request-Id: released-already")
	log := s.must("GET", "/v1/audit?kind=cluster", "")
	log.want(t, map[string]string{
		"items.0.request_id": "release", "items.0.actor.name": "platform", "items.0.method": "DELETE", "items.0.path": "/v1/cluster/hold",
		"items.0.changes":    `[{"action":"updated","kind":"cluster","patch":[{"op":"replace","path":"/hold","value":null}]}]`,
		"items.1.request_id": "hold", "items.1.changes.0.patch.0.path": "/hold", "items.1.changes.0.patch.0.value": held.text("hold"),
		"items.2.request_id": "adopt", "items.2.changes.0.patch": `[{"op":"replace","path":"/older_apis_gone","value":true}]`,
		"items.3": "null",
	})
}
