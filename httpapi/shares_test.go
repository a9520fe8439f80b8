package httpapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
)

const (
	bolt  = "/v1/accounts/bolt"
	share = web + "/shares/bolt"
)

// sharing is a world with two accounts, each with NICs on a host of its own
// and on one that is shared; acme's group web is attached to n2.
func sharing(t *testing.T) *server {
	t.Helper()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	s.must("PUT", acme+"/nics/n2/security-groups/web", "")
	s.must("PUT", groups+"/inner", `{"name":"inner"}`)
	for i := 1; i <= 2; i++ {
		s.must("PUT", fmt.Sprintf("/v1/nics/bolt-nic%d", i), fmt.Sprintf(`{"account":"bolt","network":"net1","mac":"02:00:00:00:01:0%d","addresses":["10.0.1.%d"]}`, i, i))
	}
	s.must("PUT", bolt+"/instances/bolt-vm", `{"name":"x"}`)
	s.must("PUT", bolt+"/security-groups/bolt-db", `{"name":"db","default_rules":false}`)
	s.must("PUT", bolt+"/nics/bolt-nic1/security-groups/bolt-db", "")
	s.report("host-acme", 1, "n1", "n2")
	s.report("host-bolt", 1, "bolt-nic1")
	s.report("host-both", 1, "n3", "bolt-nic2")
	return s
}

func TestSharesAreGivenAndTaken(t *testing.T) {
	t.Parallel()
	s := sharing(t)
	if a := s.do("GET", share, ""); a.status != 404 {
		t.Errorf("a share that nobody gave: %d", a.status)
	}
	made := s.must("PUT", share, `{"use":["reference","attach","attach"]}`, "If-None-Match: *")
	made.want(t, map[string]string{"account": "bolt", "use": `["attach","reference"]`, "attachments": "0", "rules": "0", "effects.nics": "[]"})
	if made.status != 201 || s.must("PUT", share, `{"use":["attach","reference"]}`).status != 200 {
		t.Errorf("made with %d", made.status)
	}
	if a := s.do("PUT", share, `{"use":["attach"]}`, "If-None-Match: *"); a.status != 412 {
		t.Errorf("create only: %d", a.status)
	}
	s.must("PUT", web+"/shares/nobody-yet", `{"use":["attach"]}`)
	s.must("GET", web+"/shares?limit=1", "").want(t, map[string]string{"items.0.account": "bolt", "items.1": "null"})
	s.must("GET", web, "").want(t, map[string]string{"shares": `[{"account":"bolt","use":["attach","reference"]},{"account":"nobody-yet","use":["attach"]}]`})
	s.must("PATCH", web, `{"description":"still shared"}`).want(t, map[string]string{"shares.0.account": "bolt"})
	s.must("PUT", web, `{"name":"web","shares":[]}`).want(t, map[string]string{"shares.1.account": "nobody-yet"})
	for body, faults := range map[string]string{`{"use":[]}`: "/use", `{}`: "/use", `{"use":["read"]}`: "/use/0", `{"use":["attach"],"account":"other"}`: "/account"} {
		if a := s.do("PUT", share, body); a.status != 422 || a.text("errors", 0, "pointer") != faults {
			t.Errorf("%s: %d %s", body, a.status, a.raw)
		}
	}
	if a := s.do("PUT", web+"/shares/acme", `{"use":["attach"]}`); a.status != 422 {
		t.Errorf("a group shared with its own account: %d", a.status)
	}
	if a := s.do("PUT", share, `{"use":["attach"]}`, as(memberBolt)...); a.status != 404 {
		t.Errorf("a share taken by its beneficiary: %d", a.status)
	}
	etag := s.must("GET", share, "").header.Get("ETag")
	if a := s.do("DELETE", share, "", `If-Match: "x"`); a.status != 412 {
		t.Errorf("another tag: %d", a.status)
	}
	s.must("DELETE", share, "", "If-Match: "+etag)
	if a := s.do("DELETE", share, ""); a.status != 404 {
		t.Errorf("ended twice: %d", a.status)
	}
	s.must("DELETE", web+"/shares/nobody-yet", "")
	entry := s.must("GET", acme+"/audit?kind=security-group&id=web", "")
	entry.want(t, map[string]string{"items.0.changes.0.patch.0.op": "remove", "items.0.changes.0.patch.0.path": "/shares"})
}

// What an account is let do it can do, and nothing else; and what it does stays
// possible until it ends it.
func TestSharedGroupsAreUsed(t *testing.T) {
	t.Parallel()
	s := sharing(t)
	boltRule, boltAttached := bolt+"/security-groups/bolt-db/rules/r", bolt+"/nics/bolt-nic2/security-groups/acme%2Fweb"
	const body = `{"direction":"ingress","protocol":"tcp","port_min":5432,"remote_group":"acme/web"}`
	refused := func(use string) {
		t.Helper()
		if a := s.do("PUT", boltRule, body, as(memberBolt)...); (a.status == 422 && a.text("errors", 0, "code") == "remote-group-not-found") == (use == "reference") {
			t.Errorf("with %q: %d %s", use, a.status, a.raw)
		}
		if a := s.do("PUT", boltAttached, "", as(memberBolt)...); (a.status == 404) == (use == "attach") {
			t.Errorf("with %q: %d %s", use, a.status, a.raw)
		}
		if a := s.do("PUT", bolt+"/nics/bolt-nic2/security-groups", `["acme/web"]`, as(memberBolt)...); (a.status == 422) == (use == "attach") {
			t.Errorf("with %q: %d %s", use, a.status, a.raw)
		}
		s.do("DELETE", boltAttached, "")
		s.do("DELETE", boltRule, "")
	}
	s.must("PUT", share, `{"use":["reference"]}`)
	refused("reference")
	s.must("PUT", share, `{"use":["attach"]}`)
	refused("attach")
	s.must("PUT", share, `{"use":["attach","reference"]}`)

	if a := s.do("PUT", bolt+"/instances/bolt-vm/security-groups/acme%2Fweb", "", as(memberBolt)...); a.status != 422 {
		t.Errorf("another account's group on an instance: %d %s", a.status, a.raw)
	}
	for _, path := range []string{web, web + "/members", web + "/rules", share} {
		if a := s.do("GET", path, "", as(memberBolt)...); a.status != 404 {
			t.Errorf("GET %s by who may use it: %d", path, a.status)
		}
	}
	s.must("PUT", boltRule, body, as(memberBolt)...).want(t, map[string]string{"remote_group": "acme/web", "effects.nics": `["bolt-nic1"]`, "inert": "null"})
	// The answer may be sent back.
	s.must("PUT", boltRule, `{"direction":"ingress","protocol":"tcp","port_min":5432,"remote_group":"acme/web"}`, as(memberBolt)...)
	s.must("PUT", rules+"/r1", `{"direction":"ingress","protocol":"tcp","port_min":80,"remote_group":"inner"}`)
	s.must("PUT", boltAttached, "", as(memberBolt)...).want(t, map[string]string{"group": "acme/web", "effects.hosts": `["host-bolt","host-both"]`})
	s.must("GET", bolt+"/nics/bolt-nic2/security-groups", "", as(memberBolt)...).want(t, map[string]string{"items": `[{"id":"acme/web","name":"web"}]`})
	s.must("GET", bolt+"/nics/bolt-nic2", "", as(memberBolt)...).want(t, map[string]string{"effective_groups": `[{"id":"acme/web","implicit":false,"via":"nic"}]`})
	s.must("GET", bolt+"/nics/bolt-nic2/effective-rules", "", as(memberBolt)...).want(t, map[string]string{"items.0.group": "acme/web", "items.0.remote_group": "acme/*", "items.1": "null"})
	s.must("GET", web+"/members", "", as(memberAcme)...).want(t, map[string]string{"items.0.nic": "n2", "items.1.address": "10.0.1.2", "items.1.nic": "null"})
	s.must("GET", web+"/references", "", as(memberAcme)...).want(t, map[string]string{"attachments": `[{"nic":"n2"}]`, "rules": "[]", "accounts": `["bolt"]`})
	s.must("GET", share, "", as(memberAcme)...).want(t, map[string]string{"attachments": "1", "rules": "1"})

	// Both ends judge by it.
	err := s.store.Read(t.Context(), func(snap *secgroup.Snapshot) error {
		if !snap.Judges(secgroup.GroupRef{Account: "acme", ID: "web"}, snap.NIC("bolt-nic2")) {
			t.Error("the group does not judge the NIC")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	for what, a := range map[string]answer{
		"group-in-use":      s.do("PUT", share, `{"use":["reference"]}`, as(memberAcme)...),
		"group-referenced":  s.do("PUT", share, `{"use":["attach"]}`, as(memberAcme)...),
		"group-in-use ":     s.do("DELETE", share, "", as(memberAcme)...),
		"group-in-use  ":    s.do("DELETE", web+"?cascade=attachments,references", "", as(memberAcme)...),
		"group-in-use    ":  s.do("DELETE", web, "", as(memberAcme)...),
		"group-referenced ": s.do("PUT", share, `{"use":["attach"]}`),
	} {
		if a.status != 409 || a.text("code") != strings.TrimSpace(what) || !strings.Contains(string(a.raw), `{"account":"bolt"}`) && !strings.Contains(string(a.raw), `"rule":"r"`) {
			t.Errorf("%q: %d %s", what, a.status, a.raw)
		}
	}
	s.must("DELETE", boltAttached, "", as(memberBolt)...)
	if a := s.do("DELETE", web+"?cascade=attachments,references", "", as(memberAcme)...); a.text("code") != "group-referenced" {
		t.Errorf("a cascade into another account: %d %s", a.status, a.raw)
	}
	s.must("DELETE", boltRule, "", as(memberBolt)...)
	s.must("DELETE", share, "", as(memberAcme)...)
	s.must("DELETE", web+"?cascade=attachments,references", "", as(memberAcme)...)
}

// An account finds the groups that others share with it, by the names by which it
// uses them; nobody else's, and of these nothing but that.
func TestSharedGroupsAreFound(t *testing.T) {
	t.Parallel()
	s := sharing(t)
	found := func(account, token, query string, want map[string]string) {
		t.Helper()
		s.must("GET", account+"/shared-groups"+query, "", as(token)...).want(t, want)
	}
	found(bolt, memberBolt, "", map[string]string{"items": "[]", "next_cursor": "null"})
	s.must("PUT", share, `{"use":["reference"]}`)
	s.must("PUT", groups+"/inner", `{"name":"inner","description":"nobody's business"}`)
	s.must("PUT", groups+"/inner/shares/bolt", `{"use":["attach","reference"]}`)
	s.must("PUT", groups+"/inner/shares/carol", `{"use":["attach"]}`)
	const inner, outer = `{"account":"acme","id":"acme/inner","name":"inner","use":["attach","reference"]}`, `{"account":"acme","id":"acme/web","name":"web","use":["reference"]}`
	found(bolt, memberBolt, "", map[string]string{"items": "[" + inner + "," + outer + "]"})
	found(acme, memberAcme, "", map[string]string{"items": "[]"})
	page := s.must("GET", bolt+"/shared-groups?limit=1", "", as(memberBolt)...)
	page.want(t, map[string]string{"items": "[" + inner + "]"})
	s.must("DELETE", groups+"/inner/shares/bolt", "")
	found(bolt, memberBolt, "?cursor="+page.text("next_cursor"), map[string]string{"items": "[" + outer + "]", "revision": page.text("revision")})
	found(bolt, memberBolt, "", map[string]string{"items": "[" + outer + "]"})
	for path, token := range map[string]string{bolt + "/shared-groups": memberAcme, acme + "/shared-groups": memberBolt, "/v1/accounts/carol/shared-groups": memberBolt} {
		if a := s.do("GET", path, "", as(token)...); a.status != 404 {
			t.Errorf("%s of another: %d %s", path, a.status, a.raw)
		}
	}
	s.must("DELETE", acme+"/nics/n2/security-groups/web", "")
	s.must("DELETE", web, "")
	found(bolt, memberBolt, "", map[string]string{"items": "[]"})
}

// Whatever an account asks, it learns no name of another's NICs, hosts, groups
// and rules: not from effects, diffs, events, the audit log or refusals.
func TestSharesTellNothing(t *testing.T) {
	t.Parallel()
	s := sharing(t)
	s.must("PUT", share, `{"use":["attach","reference"]}`)
	s.must("PUT", groups+"/inner", `{"name":"inner"}`)
	secrets := map[string][]string{ // of whom, what the other may not see
		memberAcme: {"bolt-nic", "host-bolt", "bolt-db", "bolt-rule"},
		memberBolt: {`"n1"`, `"n2"`, `"n3"`, "host-acme", "inner", "acme/inner"},
	}
	start := map[string]string{acme: s.must("GET", groups, "").text("revision"), bolt: s.must("GET", bolt+"/security-groups", "").text("revision")}
	type request struct{ token, method, path, body string }
	ask := func(r request, headers ...string) {
		t.Helper()
		a := s.do(r.method, r.path, r.body, append(headers, as(r.token)...)...)
		for _, secret := range secrets[r.token] {
			if strings.Contains(string(a.raw), secret) {
				t.Errorf("%s %s (%d) tells of %s\n%s", r.method, r.path, a.status, secret, a.raw)
			}
		}
	}
	shared := bolt + "/nics/bolt-nic2/security-groups/" + url.PathEscape("acme/web")
	writes := []request{
		{memberBolt, "PUT", bolt + "/security-groups/bolt-db/rules/bolt-rule", `{"direction":"egress","protocol":"tcp","remote_group":"acme/web","remote_cidr":"10.0.0.0/24"}`},
		{memberBolt, "PUT", shared, ""},
		{memberAcme, "PUT", rules + "/r", `{"direction":"egress","protocol":"udp","remote_group":"inner"}`},
		{memberAcme, "PUT", acme + "/nics/n1/security-groups/web", ""},
		{memberAcme, "PATCH", web, `{"egress_policy":"open"}`},
		{memberAcme, "PUT", web + "/networks/net2", ""},
		{memberAcme, "DELETE", web + "/networks/net2", ""},
		{memberAcme, "PUT", web, `{"name":"web","network_scope":"any"}`},
		{memberBolt, "PUT", bolt + "/nics/bolt-nic1/security-groups", `["acme/web","bolt-db"]`},
		{memberBolt, "DELETE", shared, ""},
		{memberAcme, "DELETE", share, ""},
		{memberAcme, "DELETE", web, ""},
		{memberAcme, "DELETE", web + "?cascade=attachments,references", ""},
		{memberAcme, "DELETE", acme + "/nics/n2/security-groups/web", ""},
	}
	s.must("PATCH", bolt, `{"settings":{"egress_open_guard":"block"}}`) // acme's opening is refused once bolt is restricted
	for _, w := range writes {
		dry := w
		sep := "?"
		if strings.Contains(w.path, "?") {
			sep = "&"
		}
		dry.path += sep + "dry_run=true"
		ask(dry)
		ask(w, "Prefer: wait=0")
		for token, account := range map[string]string{memberAcme: acme, memberBolt: bolt} {
			ask(request{token, "GET", account + "/audit?limit=1", ""})
		}
	}
	names := map[string]map[string]string{
		acme: {"group": "web", "nic": "n2", "instance": "vm1", "rule": "r", "grantee": "bolt", "network": "net1"},
		bolt: {"group": "bolt-db", "nic": "bolt-nic1", "instance": "bolt-vm", "rule": "bolt-rule", "grantee": "acme", "network": "net1"},
	}
	asked := 0
	for _, r := range routes() {
		if r.access != transport.AccountRead || r.method != "GET" {
			continue
		}
		for token, account := range map[string]string{memberAcme: acme, memberBolt: bolt} {
			path := strings.Replace(r.path, "/v1/accounts/{account}", account, 1)
			for name, id := range names[account] {
				path = strings.ReplaceAll(path, "{"+name+"}", id)
			}
			if slices.Contains(r.query, "since") && strings.HasSuffix(path, "/events") {
				path += "?since=" + start[account]
			}
			ask(request{token, "GET", path, ""})
			asked++
		}
	}
	if asked < 40 {
		t.Errorf("only %d reads", asked)
	}
	// A poll that does not wait may come before the past was read, and is empty then.
	events := func(account, token string) (page string) {
		for deadline := time.Now().Add(time.Minute); !strings.Contains(page, `"action":`); {
			if page = string(s.must("GET", account+"/events?since="+start[account], "", as(token)...).raw); time.Now().After(deadline) {
				t.Fatalf("no events of %s: %s", account, page)
			}
		}
		return page
	}
	if page := events(bolt, memberBolt); !strings.Contains(page, `"kind":"attachment","id":"acme/web","action":"created"`) {
		t.Errorf("bolt is not told of its own attachment: %s", page)
	}
	if page := events(acme, memberAcme); strings.Contains(page, `"acme/web"`) {
		t.Errorf("acme is told of bolt's attachment: %s", page)
	}
}

// Shares end with the account that they are for, which cannot go while the
// group of another is in use of its own.
func TestSharesAndAccounts(t *testing.T) {
	t.Parallel()
	s := sharing(t)
	s.must("PUT", share, `{"use":["attach","reference"]}`)
	s.must("PUT", bolt+"/security-groups/default/shares/acme", `{"use":["attach","reference"]}`)
	s.must("PUT", acme+"/nics/n1/security-groups/bolt%2Fdefault", "")
	s.must("DELETE", "/v1/nics/bolt-nic1", "")
	s.must("DELETE", "/v1/nics/bolt-nic2", "")
	s.must("DELETE", bolt+"/instances/bolt-vm", "")
	s.must("DELETE", bolt+"/security-groups/bolt-db", "")
	if a := s.do("DELETE", bolt, ""); a.status != 409 || a.text("code") != "group-in-use" {
		t.Errorf("an account whose default group is another's: %d %s", a.status, a.raw)
	}
	s.must("DELETE", acme+"/nics/n1/security-groups/bolt%2Fdefault", "")
	s.must("PUT", rules+"/r", `{"direction":"ingress","protocol":"tcp","remote_group":"bolt/default"}`)
	if a := s.do("DELETE", bolt, ""); a.status != 409 || a.text("code") != "group-referenced" {
		t.Errorf("an account whose default group is another's remote: %d %s", a.status, a.raw)
	}
	s.must("DELETE", rules+"/r", "")
	s.must("DELETE", bolt, "")
	s.must("GET", web+"/shares", "").want(t, map[string]string{"items": "[]"})
}

// Whose group it is opens the egress of another account's NICs only if that does
// not guard against it: nobody confirms that for another.
func TestSharesKeepTheEgressGuard(t *testing.T) {
	t.Parallel()
	s := sharing(t)
	s.must("PUT", share, `{"use":["attach"]}`)
	s.must("PATCH", web, `{"egress_policy":"listed"}`)
	s.must("PUT", bolt+"/nics/bolt-nic2/security-groups/acme%2Fweb", "", as(memberBolt)...)
	s.must("PATCH", bolt, `{"settings":{"egress_open_guard":"block"}}`)
	for _, query := range []string{"", "?confirm=open-egress", "?confirm=open-egress&dry_run=true"} {
		a := s.do("PATCH", web+query, `{"egress_policy":"open"}`, as(memberAcme)...)
		if a.status != 409 || a.text("code") != "would-open-egress" || a.text("dependents") != `[{"account":"bolt"}]` {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	own := bolt + "/nics/bolt-nic2/security-groups/acme%2Fweb"
	if a := s.do("DELETE", own, "", as(memberBolt)...); a.status != 409 {
		t.Errorf("unconfirmed: %d", a.status)
	}
	s.must("DELETE", own+"?confirm=open-egress", "", as(memberBolt)...)
	s.must("PUT", own, "", as(memberBolt)...)
	s.must("PATCH", web+"?confirm=open-egress", `{"egress_policy":"open"}`) // the platform may
}
