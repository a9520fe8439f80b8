package httpapi

import (
	"strings"
	"testing"
)

// ruleIDs lists the ids of the rules in an answer.
func ruleIDs(a answer, path ...any) string {
	var ids []string
	for i := 0; a.at(append(path, i)...) != nil; i++ {
		ids = append(ids, a.text(append(path, i, "id")...))
	}
	return strings.Join(ids, " ")
}

// The same PUT, done twice, ends the same, whatever of the rules it gives.
func TestPutGroupTwiceEndsTheSame(t *testing.T) {
	t.Parallel()
	s := world(t)
	for name, body := range map[string]string{
		"plain":                 `{"name":"plain","description":"d","tags":{"a":"1"}}`,
		"with-rules":            `{"name":"with-rules","rules":[{"direction":"ingress","protocol":"tcp","port_min":22}]}`,
		"without-default-rules": `{"name":"without-default-rules","default_rules":false,"rules":[{"direction":"ingress","protocol":"tcp","port_min":22},{"direction":"ingress","protocol":"TCP","start_port":22,"end_port":22}]}`,
		"scoped":                `{"name":"scoped","networks":["net2","net1","net2"]}`,
	} {
		first := s.must("PUT", groups+"/"+name, body)
		second := s.must("PUT", groups+"/"+name, body)
		if first.status != 201 || second.status != 200 {
			t.Errorf("%s: status %d, then %d", name, first.status, second.status)
		}
		if first.text("revision") != second.text("revision") || ruleIDs(first, "rules") != ruleIDs(second, "rules") {
			t.Errorf("%s changed by doing the same again:\n%s%s", name, first.raw, second.raw)
		}
		read := s.must("GET", groups+"/"+name, "")
		again := s.must("PUT", groups+"/"+name, string(read.raw))
		if again.text("revision") != first.text("revision") {
			t.Errorf("%s changed by putting back what GET gave:\n%s%s", name, read.raw, again.raw)
		}
	}
	if n := len(strings.Fields(ruleIDs(s.must("GET", groups+"/with-rules", ""), "rules"))); n != 3 {
		t.Errorf("a rule and the default ones are %d", n)
	}
	if n := len(strings.Fields(ruleIDs(s.must("GET", groups+"/without-default-rules", ""), "rules"))); n != 1 {
		t.Errorf("a rule given twice is %d", n)
	}
	s.must("GET", groups+"/scoped", "").want(t, map[string]string{"network_scope": "listed", "networks": `["net1","net2"]`})
}

func TestPutGroupKeepsWhatIsNotGiven(t *testing.T) {
	t.Parallel()
	s := world(t)
	made := s.must("PUT", web, `{"name":"web","description":"old","egress_policy":"listed","rules":[{"id":"r1","direction":"ingress","protocol":"tcp","port_min":22}]}`)
	a := s.must("PUT", web, `{"name":"web2"}`)
	a.want(t, map[string]string{"name": "web2", "description": "", "egress_policy": "auto", "created_at": made.text("created_at")})
	if ruleIDs(a, "rules") != ruleIDs(made, "rules") {
		t.Errorf("a PUT without rules changed them: %s", a.raw)
	}
	a = s.must("PUT", web, `{"name":"web2","rules":[],"default_rules":false}`)
	a.want(t, map[string]string{"rules": "[]"})
	a = s.must("PUT", web, `{"name":"web2","default_rules":true}`)
	a.want(t, map[string]string{"rules.0.origin": "default", "rules.1.origin": "default"})
}

func TestPostRuleOfTheSameContent(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web"}`)
	first := s.must("POST", rules, `{"direction":"ingress","protocol":"tcp","port_min":443,"port_max":443,"remote_cidr":"10.1.2.3/8","description":"one"}`)
	first.want(t, map[string]string{"remote_cidr": "10.0.0.0/8", "family": "ipv4"})
	same := s.must("POST", rules, `{"direction":"ingress","family":"ipv4","protocol":"TCP","start_port":443,"remote_cidr":"10.0.0.0/8","icmp_type":-1,"icmp_code":-1,"description":"two"}`)
	if first.status != 201 || same.status != 200 || same.text("id") != first.text("id") || same.text("description") != "one" {
		t.Errorf("%d %s\n%d %s", first.status, first.raw, same.status, same.raw)
	}
	if same.header.Get("Location") == "" || same.header.Get("ETag") != first.header.Get("ETag") {
		t.Errorf("headers of the existing rule: %v", same.header)
	}
	off := s.must("POST", rules, `{"direction":"ingress","protocol":"tcp","port_min":443,"remote_cidr":"10.0.0.0/8","enabled":false}`)
	if off.status != 201 {
		t.Errorf("a disabled rule is another one: %d %s", off.status, off.raw)
	}
	all := s.must("POST", rules, `{"direction":"ingress","protocol":"icmp","port_min":-1,"port_max":-1,"icmp_type":-1,"icmp_code":-1}`)
	all.want(t, map[string]string{"protocol": "icmp", "icmp_type": "null", "port_min": "null", "family": "any"})
	if ping := s.must("POST", rules, `{"direction":"ingress","protocol":"icmp","icmp_type":0}`); ping.text("icmp_type") != "0" {
		t.Errorf("ICMP type 0 is not absent: %s", ping.raw)
	}
}

func TestPutRules(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web"}`)
	made := s.must("PUT", rules, `{"rules":[{"id":"a","direction":"ingress","protocol":"tcp","port_min":1},{"direction":"ingress","protocol":"tcp","port_min":2}]}`)
	made.want(t, map[string]string{"items.0.port_min": "2", "items.1.id": "a"}) // a UUIDv7 begins with a digit
	kept := made.text("items", 0, "id")
	next := s.must("PUT", rules, `[{"direction":"ingress","protocol":"tcp","port_min":2,"description":"new words"},{"id":"a","direction":"ingress","protocol":"tcp","port_min":3}]`)
	next.want(t, map[string]string{"items.0.id": kept, "items.0.description": "new words", "items.1.id": "a", "items.1.port_min": "3"})
	list := s.must("GET", rules, "")
	list.want(t, map[string]string{"items.0.id": kept, "items.1.id": "a", "items.2": "null", "next_cursor": "null"})
	again := s.must("PUT", rules, string(list.raw), "If-Match: "+list.header.Get("ETag"))
	if again.header.Get("SG-Revision") != next.header.Get("SG-Revision") {
		t.Errorf("putting back what GET gave made a revision: %s", again.raw)
	}
	one := s.must("GET", rules+"/a", "")
	s.must("PUT", rules, `[{"id":"b","direction":"ingress","protocol":"tcp","port_min":2},{"id":"a","direction":"ingress","protocol":"tcp","port_min":3}]`)
	if after := s.must("GET", rules+"/a", ""); after.header.Get("ETag") != one.header.Get("ETag") {
		t.Errorf("a rule that stayed as it was has another ETag")
	}
	s.must("PUT", rules, `[]`).want(t, map[string]string{"items": "[]"})
}

func TestPatch(t *testing.T) {
	t.Parallel()
	s := world(t)
	merge := "Content-Type: application/merge-patch+json"
	s.must("PUT", web, `{"name":"web","description":"d","tags":{"a":"1","b":"2"},"networks":["net1"]}`)
	s.must("PATCH", web, `{"description":null,"tags":{"a":null,"c":"3"},"egress_policy":"LISTED"}`, merge).want(t, map[string]string{
		"name": "web", "description": "", "tags": `{"b":"2","c":"3"}`, "egress_policy": "listed", "egress_restricts": "true",
		"network_scope": "listed", "networks": `["net1"]`,
	})
	s.must("PATCH", web, `{"network_scope":"any","networks":null}`).want(t, map[string]string{"network_scope": "any", "networks": "[]"})
	s.must("PUT", rules+"/r", `{"direction":"ingress","protocol":"tcp","port_min":1,"port_max":9,"remote_cidr":"10.0.0.0/8"}`)
	s.must("PATCH", rules+"/r", `{"end_port":5,"enabled":false}`, merge).want(t, map[string]string{
		"port_min": "1", "port_max": "5", "enabled": "false", "remote_cidr": "10.0.0.0/8", "protocol": "tcp",
	})
	s.must("PATCH", rules+"/r", `{"protocol":"icmp","port_min":null,"port_max":-1,"icmp_type":8,"remote_cidr":null,"family":"any"}`, merge).want(t, map[string]string{
		"protocol": "icmp", "port_min": "null", "port_max": "null", "icmp_type": "8", "remote_cidr": "null", "family": "any", "enabled": "false",
	})
	s.must("PATCH", acme, `{"egress_open_guard":"block","quotas":{"nics":5}}`, merge).want(t, map[string]string{
		"settings.egress_open_guard": "block", "settings.egress_policy_default": "auto", "quotas.nics.limit": "5", "quotas.nics.used": "3",
	})
	s.must("PATCH", acme, `{"settings":{"egress_policy_default":"listed"},"quotas":{"nics":null}}`, merge).want(t, map[string]string{
		"settings.egress_open_guard": "block", "settings.egress_policy_default": "listed", "quotas.nics.limit": "null",
	})
	s.must("PATCH", acme+"?dry_run=true", `{"settings":null,"egress_open_guard":"block"}`, merge).want(t, map[string]string{
		"settings.egress_open_guard": "block", "settings.egress_policy_default": "auto",
	})
	s.must("POST", groups, `{"name":"born listed"}`).want(t, map[string]string{"egress_policy": "listed"})
}

func TestConditions(t *testing.T) {
	t.Parallel()
	s := world(t)
	made := s.must("PUT", web, `{"name":"web"}`, "If-None-Match: *")
	tag := made.header.Get("ETag")
	read := s.must("GET", web, "")
	if read.header.Get("ETag") != tag {
		t.Errorf("ETag %s after PUT, %s after GET", tag, read.header.Get("ETag"))
	}
	if a := s.do("GET", web, "", "If-None-Match: "+tag); a.status != 304 || len(a.raw) > 0 {
		t.Errorf("unchanged: %d %s", a.status, a.raw)
	}
	changed := s.must("PATCH", web, `{"description":"x"}`, `If-Match: "0", `+tag)
	if a := s.do("GET", web, "", "If-None-Match: "+tag); a.status != 200 {
		t.Errorf("changed: %d", a.status)
	}
	if a := s.do("DELETE", web, "", "If-Match: "+tag); a.status != 412 {
		t.Errorf("deleted with an old tag: %d", a.status)
	}
	// A NIC's answer changes with its groups; a write depends on the NIC alone.
	nic := s.must("GET", acme+"/nics/n1", "")
	s.must("PUT", acme+"/nics/n1/security-groups/web", "")
	if a := s.do("GET", acme+"/nics/n1", "", "If-None-Match: "+nic.header.Get("ETag")); a.status != 200 {
		t.Errorf("NIC with another group: %d", a.status)
	}
	s.must("PUT", "/v1/nics/n1", `{"account":"acme","network":"net1","mac":"02:00:00:00:00:01"}`, "If-Match: "+nic.header.Get("ETag"))
	list := s.must("GET", acme+"/nics/n1/security-groups", "")
	s.must("PUT", acme+"/nics/n1/security-groups", `["web"]`, "If-Match: "+list.header.Get("ETag"))
	s.must("DELETE", acme+"/nics/n1/security-groups/web", "", "If-Match: "+list.header.Get("ETag"))
	if a := s.do("PUT", acme+"/nics/n1/security-groups", `["web"]`, "If-Match: "+list.header.Get("ETag")); a.status != 412 {
		t.Errorf("list that has changed: %d %s", a.status, a.raw)
	}
	s.must("DELETE", web, "", "If-Match: "+changed.header.Get("ETag"))
}
