package httpapi

import "testing"

// A dry run says what would be let through and what not any more.
func TestDryRunShowsAccess(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	s.must("PUT", acme+"/nics/n1/security-groups/web", "")
	s.must("PUT", rules+"/r1?dry_run=true", `{"direction":"ingress","protocol":"tcp","port_min":443,"remote_cidr":"10.0.0.0/8"}`).want(t, map[string]string{
		"access": `{"more":false,"newly_allowed":[{"direction":"ingress","family":"ipv4","group":"web","icmp_code":null,"icmp_type":null,"nic":null,` +
			`"port_max":443,"port_min":443,"protocol":"tcp","remote":{"cidr":"10.0.0.0/8","group":null,"nic":null}}],"no_longer_allowed":[]}`,
	})
	s.must("PUT", rules+"/e?dry_run=true", `{"direction":"egress","protocol":"tcp","port_min":443}`).want(t, map[string]string{
		"access.no_longer_allowed.0.nic": "n1", "access.no_longer_allowed.0.direction": "egress", "access.no_longer_allowed.0.protocol": "all",
		"access.newly_allowed": "[]",
	})
	s.must("PUT", rules+"/r2", `{"direction":"ingress","protocol":"udp","remote_group":"default"}`)
	s.must("PUT", "/v1/nics/n4?dry_run=true", `{"account":"acme","network":"net1","mac":"02:00:00:00:00:04","addresses":["10.0.0.4"]}`).want(t, map[string]string{
		"access.newly_allowed.2.group": "default", "access.newly_allowed.2.remote.nic": "n4",
		"access.newly_allowed.1.nic": "n4", "access.newly_allowed.1.remote.group": "acme/default",
	})
	if a := s.must("PUT", rules+"/r3", `{"direction":"ingress","protocol":"icmp"}`); a.at("access") != nil {
		t.Errorf("a change that is made has an access diff: %s", a.raw)
	}
	s.must("DELETE", web+"?dry_run=true&cascade=attachments", "").want(t, map[string]string{"access.no_longer_allowed.0.nic": "n1"})
}
