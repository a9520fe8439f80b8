package httpapi

import "testing"

// A quota is kept, what is over it may stay, and the account shows the use.
func TestQuotas(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PATCH", acme, `{"quotas":{"groups":2,"rules_per_group":3,"groups_per_nic":1,"nics":3,"instances":1}}`)
	s.must("PUT", web, `{"name":"web"}`)
	refused := func(method, path, body string) {
		t.Helper()
		if a := s.do(method, path, body); a.status != 409 || a.text("code") != "quota-exceeded" {
			t.Errorf("%s %s: %d %s", method, path, a.status, a.raw)
		}
	}
	refused("PUT", groups+"/db", `{"name":"db"}`)
	s.must("PUT", web+"/rules/r1", `{"direction":"ingress","protocol":"tcp","port_min":1}`)
	refused("PUT", web+"/rules/r2", `{"direction":"ingress","protocol":"tcp","port_min":2}`)
	refused("PUT", acme+"/instances/vm2", `{}`)
	refused("PUT", "/v1/nics/n4", `{"account":"acme","network":"net1","mac":"02:00:00:00:00:04","addresses":["10.0.0.4"]}`)
	s.must("PUT", acme+"/nics/n1/security-groups/web", "")
	refused("PUT", acme+"/nics/n1/security-groups/default", "")
	refused("PUT", acme+"/instances/vm1/security-groups/default", "") // which n1 is of
	s.must("PATCH", acme, `{"quotas":{"groups":1,"rules_per_group":1}}`)
	s.must("PATCH", web, `{"description":"still there"}`)
	s.must("DELETE", web+"/rules/r1", "")
	s.must("GET", acme, "").want(t, map[string]string{
		"quotas.groups": `{"default":null,"limit":1,"used":2}`, "quotas.nics": `{"default":null,"limit":3,"used":3}`, "quotas.rules_per_group": `{"default":null,"limit":1,"used":2}`,
		"quotas.groups_per_nic": `{"default":200,"limit":1,"used":1}`, "quotas.instances": `{"default":100000,"limit":1,"used":1}`,
	})
	s.must("PATCH", acme, `{"quotas":null}`)
	s.must("PUT", groups+"/db", `{"name":"db"}`)
}
