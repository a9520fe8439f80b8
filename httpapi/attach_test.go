package httpapi

import "testing"

func TestAttachAndDetachAreIdempotent(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web"}`)
	for _, target := range []string{acme + "/nics/n1", acme + "/instances/vm1"} {
		path := target + "/security-groups/web"
		first, again := s.must("PUT", path, ""), s.must("PUT", path, "{}")
		if first.status != 201 || again.status != 200 || first.header.Get("SG-Revision") != again.header.Get("SG-Revision") {
			t.Errorf("attach to %s: %d at %s, then %d at %s", target, first.status, first.header.Get("SG-Revision"), again.status, again.header.Get("SG-Revision"))
		}
		s.must("GET", target+"/security-groups", "").want(t, map[string]string{"items": `[{"id":"web","name":"web"}]`})
		first, again = s.must("DELETE", path, ""), s.must("DELETE", path, "")
		if first.status != 204 || again.status != 204 || first.header.Get("SG-Revision") != again.header.Get("SG-Revision") {
			t.Errorf("detach from %s: %d, then %d", target, first.status, again.status)
		}
		s.must("GET", target+"/security-groups", "").want(t, map[string]string{"items": `[]`})
	}
}

func TestWholeAttachmentList(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web"}`)
	s.must("PUT", groups+"/db", `{"name":"db"}`)
	path := acme + "/nics/n1/security-groups"
	s.must("PUT", path, `["web"]`).want(t, map[string]string{"items": `[{"id":"web","name":"web"}]`, "effects.nics": `["n1","n2","n3"]`})
	s.must("PUT", path, `{"security_groups":["db","default","db"]}`).want(t, map[string]string{
		"items": `[{"id":"db","name":"db"},{"id":"default","name":"default"}]`,
	})
	list := s.must("GET", path, "")
	s.must("PUT", path, string(list.raw)).want(t, map[string]string{"items": list.text("items"), "effects.nics": "[]"})
	s.must("GET", acme+"/nics/n1", "").want(t, map[string]string{
		"effective_groups": `[{"id":"db","implicit":false,"via":"nic"},{"id":"default","implicit":false,"via":"nic"}]`,
	})
	s.must("PUT", path, `[]`)
	s.must("GET", acme+"/nics/n1", "").want(t, map[string]string{"effective_groups": `[{"id":"default","implicit":true,"via":"default"}]`})
}

func TestNetworkScope(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	s.must("PUT", acme+"/nics/n1/security-groups/web", "")
	s.must("PUT", acme+"/nics/n3/security-groups/web", "")
	first := s.must("PUT", web+"/networks/net1", "")
	first.want(t, map[string]string{"network_scope": "listed", "items": `["net1"]`})
	if again := s.must("PUT", web+"/networks/net1", ""); first.status != 201 || again.status != 200 {
		t.Errorf("status %d, then %d", first.status, again.status)
	}
	s.must("GET", acme+"/nics/n1", "").want(t, map[string]string{"effective_groups.0.id": "web"})
	s.must("GET", acme+"/nics/n3", "").want(t, map[string]string{"effective_groups.0.id": "default"})
	s.must("DELETE", web+"/networks/net1", "")
	s.must("DELETE", web+"/networks/net1", "") // it need not be listed
	s.must("GET", web+"/networks", "").want(t, map[string]string{"network_scope": "listed", "items": `[]`})
	s.must("GET", acme+"/nics/n1", "").want(t, map[string]string{"effective_groups.0.id": "default"})
}

// A cascade deletes what uses the group, in one revision, and never opens the
// egress of a group by taking its only egress rules.
func TestCascade(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	s.must("PUT", groups+"/out", `{"name":"out","default_rules":false,"rules":[
		{"id":"o","direction":"egress","protocol":"tcp","remote_group":"web"},
		{"id":"i","direction":"ingress","protocol":"tcp","remote_group":"web"},
		{"id":"x","direction":"ingress","protocol":"tcp","port_min":1}]}`)
	s.must("PUT", acme+"/nics/n1/security-groups/web", "")
	s.must("PUT", acme+"/nics/n2/security-groups/out", "")
	s.must("GET", web+"/references", "").want(t, map[string]string{
		"rules": `[{"group":"out","rule":"i"},{"group":"out","rule":"o"}]`, "attachments": `[{"nic":"n1"}]`,
	})
	dry := s.must("DELETE", web+"?cascade=attachments,references&dry_run=true", "")
	dry.want(t, map[string]string{"dry_run": "true", "effects.egress_became_open": "[]"})
	s.must("GET", web, "")
	s.must("DELETE", web+"?cascade=references,attachments", "")
	out := s.must("GET", groups+"/out", "")
	out.want(t, map[string]string{"egress_policy": "listed", "egress_restricts": "true", "rules.0.id": "x", "rules.1": "null"})
	s.must("GET", acme+"/nics/n1/security-groups", "").want(t, map[string]string{"items": "[]"})
}

func TestDeletingWhatIsAttached(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web"}`)
	s.must("PUT", acme+"/nics/n1/security-groups/web", "")
	s.must("PUT", acme+"/instances/vm1/security-groups/web", "")
	s.must("DELETE", "/v1/nics/n1", "")
	s.must("DELETE", acme+"/instances/vm1", "")
	s.must("GET", web+"/references", "").want(t, map[string]string{"attachments": "[]"})
	s.must("DELETE", web, "")
	for _, n := range []string{"n2", "n3"} {
		s.must("DELETE", "/v1/nics/"+n, "")
	}
	s.must("DELETE", acme, "")
	if a := s.do("GET", groups+"/default", ""); a.status != 404 {
		t.Errorf("the default group outlives its account: %d", a.status)
	}
	s.must("DELETE", "/v1/networks/net2", "")
}
