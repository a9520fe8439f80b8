package httpapi

import "testing"

func TestEffectsAndDryRun(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	s.must("PUT", groups+"/db", `{"name":"db","default_rules":false}`)
	s.must("PUT", acme+"/nics/n2/security-groups/db", "")
	ask := func(method, path, body string, want map[string]string) {
		t.Helper()
		before := s.must("GET", groups, "").text("revision")
		sep := "?"
		dry := s.must(method, path+sep+"dry_run=true", body)
		dry.want(t, want)
		dry.want(t, map[string]string{"dry_run": "true"})
		if after := s.must("GET", groups, "").text("revision"); dry.status != 200 || after != before {
			t.Errorf("dry run of %s %s: %d, and the policy went from %s to %s", method, path, dry.status, before, after)
		}
		real := s.must(method, path, body)
		real.want(t, want)
		real.want(t, map[string]string{"dry_run": "null"})
	}
	ask("POST", groups+"/db/rules", `{"direction":"ingress","protocol":"tcp","remote_group":"web"}`, map[string]string{
		"effects.nics": `["n2"]`, "effects.nics_more": "false", "effects.inert_rules": "[]", "remote_group": "web",
	})
	ask("PUT", acme+"/nics/n1/security-groups/web", "", map[string]string{
		// n2's group names web; n3 has the default group, which n1 leaves
		"effects.nics": `["n1","n2","n3"]`, "effects.egress_became_restricted": "[]", "group": "web",
	})
	ask("PUT", groups+"/db/rules/both", `{"direction":"ingress","protocol":"udp","remote_group":"web","remote_cidr":"192.168.0.0/16"}`, map[string]string{
		"effects.nics": `["n2"]`, "effects.inert_rules": `["both"]`, "inert": "empty-intersection",
	})
	ask("PUT", "/v1/nics/n1", `{"account":"acme","instance":"vm1","network":"net1","mac":"02:00:00:00:00:01","addresses":["10.0.0.1"],"allowed_addresses":["192.168.7.7"]}`, map[string]string{
		"effects.nics": `["n1","n2"]`, "effects.inert_rules": `[]`, "allowed_addresses": `["192.168.7.7/32"]`,
	})
	ask("PATCH", groups+"/db", `{"egress_policy":"listed"}`, map[string]string{
		"effects.nics": `["n2"]`, "effects.egress_became_restricted": `["n2"]`, "effects.egress_became_open": "[]",
	})
	ask("PATCH", groups+"/db", `{"egress_policy":"open"}`, map[string]string{
		"effects.nics": `["n2"]`, "effects.egress_became_restricted": `[]`, "effects.egress_became_open": `["n2"]`,
	})
	ask("PATCH", groups+"/db", `{"description":"of no effect"}`, map[string]string{"effects.nics": `[]`})
	ask("PUT", groups+"/db/rules/both", `{"direction":"ingress","protocol":"udp","remote_group":"web","remote_cidr":"192.168.0.0/16"}`, map[string]string{
		"effects.nics": `[]`, "id": "both", // nothing changes
	})
	ask("PUT", "/v1/baseline", `{"addresses":[{"address":"169.254.169.254","protocol":"tcp","port":80,"description":"metadata"}]}`, map[string]string{
		"effects.nics": `["n1","n2","n3"]`, "addresses.0.port": "80",
	})
}

func TestEgressOpenGuard(t *testing.T) {
	t.Parallel()
	s := used(t)
	const guarded = "/v1/accounts/guarded"
	s.must("PATCH", guarded+"/security-groups/tight?confirm=open-egress", `{"egress_policy":"open"}`).want(t, map[string]string{
		"effects.egress_became_open": `["g1"]`,
	})
	// A NIC that is new was never restricted, and another account has no guard.
	s.must("PUT", "/v1/nics/g2", `{"account":"guarded","network":"net1","mac":"02:00:00:00:02:02"}`)
	s.must("PATCH", web, `{"egress_policy":"listed"}`)
	s.must("PATCH", web, `{"egress_policy":"open"}`).want(t, map[string]string{"effects.egress_became_open": `["n2"]`})
}

func TestEffectiveRules(t *testing.T) {
	t.Parallel()
	s := used(t)
	s.must("PUT", acme+"/instances/vm1/security-groups/db", "")
	s.must("PUT", acme+"/nics/n1/security-groups/web", "")
	s.must("GET", acme+"/nics/n1/effective-rules", "").want(t, map[string]string{
		"items.0.id": "r2", "items.0.group": "db", "items.0.via": "instance",
		"items.1.id": "r1", "items.1.group": "web", "items.1.via": "nic", "items.2": "null",
	})
}
