package httpapi

import "testing"

// world puts two networks, an account and three NICs into the policy.
func world(t *testing.T) *server {
	t.Helper()
	s := serve(t)
	s.must("PUT", "/v1/networks/net1", `{"type":"flat","prefixes":["10.0.0.0/16","fd00::/64"]}`)
	s.must("PUT", "/v1/networks/net2", `{"type":"vpc","vpc":"blue","prefixes":["10.0.0.0/16"],"vlan":7}`)
	s.must("PUT", "/v1/accounts/acme", `{}`)
	s.must("PUT", "/v1/accounts/acme/instances/vm1", `{"name":"one"}`)
	s.must("PUT", "/v1/nics/n1", `{"account":"acme","instance":"vm1","network":"net1","mac":"02:00:00:00:00:01","addresses":["10.0.0.1","fd00::1"]}`)
	s.must("PUT", "/v1/nics/n2", `{"account":"acme","network":"net1","mac":"02:00:00:00:00:02","addresses":["10.0.0.2"]}`)
	s.must("PUT", "/v1/nics/n3", `{"account":"acme","network":"net2","mac":"02:00:00:00:00:03","addresses":["10.0.0.1"]}`)
	return s
}

func TestAccountIsMadeWithItsDefaultGroup(t *testing.T) {
	t.Parallel()
	s := world(t)
	g := s.must("GET", "/v1/accounts/acme/security-groups/default", "")
	g.want(t, map[string]string{
		"name": "default", "is_default": "true", "egress_policy": "auto", "egress_restricts": "false",
		"network_scope": "any", "networks": "[]", "rules.0.origin": "default", "rules.1.origin": "default",
		"rules.0.remote_group": "default", "rules.1.protocol": "all",
	})
	n := s.must("GET", "/v1/accounts/acme/nics/n1", "")
	n.want(t, map[string]string{
		"effective_groups": `[{"id":"default","implicit":true,"via":"default"}]`, "egress_restricted": "false", "because": "null",
		"host": "null", "ready": "false", "addresses": `["10.0.0.1","fd00::1"]`, "instance": "vm1",
	})
}

func TestGroupRuleAttachAndBack(t *testing.T) {
	t.Parallel()
	s := world(t)
	g := s.must("POST", "/v1/accounts/acme/security-groups", `{"name":"web","rules":[{"direction":"ingress","protocol":"TCP","start_port":443,"remote_cidr":"10.1.2.3/8"}]}`)
	if g.status != 201 {
		t.Fatalf("%d %s", g.status, g.raw)
	}
	id := g.text("id")
	if loc := g.header.Get("Location"); loc != "/v1/accounts/acme/security-groups/"+id {
		t.Errorf("Location %q", loc)
	}
	path := "/v1/accounts/acme/security-groups/" + id
	if n := len(g.at("rules").([]any)); n != 3 {
		t.Errorf("%d rules: %s", n, g.raw)
	}
	s.must("PUT", "/v1/accounts/acme/instances/vm1/security-groups/"+id, "")
	r := s.must("POST", path+"/rules", `{"direction":"egress","protocol":"UDP","port_min":53,"remote_cidr":"0.0.0.0/0"}`)
	r.want(t, map[string]string{
		"protocol": "udp", "port_min": "53", "port_max": "53", "family": "ipv4", "group": id, "enabled": "true",
		"origin": "user", "inert": "null", "icmp_type": "null", "remote_group": "null",
		"effects.nics": `["n1"]`, "effects.egress_became_restricted": `["n1"]`, "effects.hosts": "[]",
	})
	n := s.must("GET", "/v1/accounts/acme/nics/n1", "")
	n.want(t, map[string]string{
		"effective_groups.0.id": id, "effective_groups.0.via": "instance", "egress_restricted": "true",
		"because.group": id, "because.rule": r.text("id"),
	})
	members := s.must("GET", path+"/members", "")
	members.want(t, map[string]string{
		"items": `[{"address":"10.0.0.1","nic":"n1","routing_domain":"provider"},{"address":"fd00::1","nic":"n1","routing_domain":"provider"}]`,
	})
	s.must("GET", path+"/references", "").want(t, map[string]string{"attachments": `[{"instance":"vm1"}]`, "rules": "[]"})
	if a := s.do("DELETE", path, ""); a.status != 409 || a.text("code") != "group-in-use" {
		t.Errorf("delete of an attached group: %d %s", a.status, a.raw)
	}
	s.must("DELETE", path+"?cascade=attachments", "")
	if a := s.do("GET", path, ""); a.status != 404 || a.text("code") != "not-found" {
		t.Errorf("deleted group: %d %s", a.status, a.raw)
	}
	s.must("GET", "/v1/accounts/acme/nics/n1", "").want(t, map[string]string{"egress_restricted": "false"})
}
