package httpapi

import (
	"strings"
	"testing"
)

// An account's matrix has its own groups, and of another's those that are shared
// with it, of whose NICs it tells nothing.
func TestMatrixOfAnAccount(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, put := range []string{
		`/v1/networks/net-1 {"type":"flat","prefixes":["10.0.0.0/24"]}`,
		`/v1/accounts/acme {}`, `/v1/accounts/bolt {}`,
		`/v1/nics/a1 {"account":"acme","network":"net-1","mac":"02:00:00:00:00:01","addresses":["10.0.0.1"]}`,
		`/v1/nics/a2 {"account":"acme","network":"net-1","mac":"02:00:00:00:00:02","addresses":["10.0.0.2"]}`,
		`/v1/nics/b1 {"account":"bolt","network":"net-1","mac":"02:00:00:00:00:03","addresses":["10.0.0.3"]}`,
		`/v1/accounts/bolt/security-groups/clients {"name":"clients","default_rules":false}`,
		`/v1/accounts/bolt/nics/b1/security-groups/clients`,
		`/v1/accounts/bolt/security-groups/clients/shares/acme {"use":["reference"]}`,
		`/v1/accounts/acme/security-groups/web {"name":"web","default_rules":false,"rules":[{"id":"dns","direction":"egress","protocol":"udp","port_min":53}]}`,
		`/v1/accounts/acme/security-groups/db {"name":"db","default_rules":false,"rules":[{"id":"pg","direction":"ingress","protocol":"tcp","port_min":5432,"remote_group":"web"},
			{"id":"shared","direction":"ingress","protocol":"tcp","port_min":5433,"remote_group":"bolt/clients"},{"id":"range","direction":"ingress","protocol":"tcp","port_min":1,"remote_cidr":"10.0.0.0/31"}]}`,
		`/v1/accounts/acme/nics/a1/security-groups/web`, `/v1/accounts/acme/nics/a2/security-groups/db`,
	} {
		path, body, _ := strings.Cut(put, " ")
		s.must("PUT", path, body)
	}
	a := s.must("GET", "/v1/accounts/acme/matrix", "", as(viewerAcme)...)
	for _, want := range []string{
		`{"id":"db","name":"db","nics":1,"restricted":0}`, `{"id":"web","name":"web","nics":1,"restricted":1}`, `{"id":"bolt/clients","name":"clients","nics":0,"restricted":0}`,
		`"peers":[{"cidr":"10.0.0.0/31","groups":[{"group":"web","nics":1}]}]`,
		`{"from":{"group":"web","cidr":null},"to":{"group":"db","cidr":null},"direction":"ingress","group":"db","rule":"pg","family":"any","protocol":"tcp","port_min":5432,"port_max":5432,` +
			`"icmp_type":null,"icmp_code":null,"other_end":{"nics":1,"allowed":0,"partly":0,"blocked":1,"apart":0,"unrestricted":0,"rules":[]}}`,
		`{"from":{"group":"bolt/clients","cidr":null},"to":{"group":"db","cidr":null},"direction":"ingress","group":"db","rule":"shared","family":"any","protocol":"tcp","port_min":5433,"port_max":5433,` +
			`"icmp_type":null,"icmp_code":null,"other_end":null}`,
		`{"from":{"group":"web","cidr":null},"to":{"group":null,"cidr":null},"direction":"egress","group":"web","rule":"dns"`,
	} {
		if !strings.Contains(string(a.raw), want) {
			t.Errorf("no %s in\n%s", want, a.raw)
		}
	}
	if one := s.must("GET", "/v1/accounts/acme/matrix?group=web", "", as(viewerAcme)...); strings.Contains(string(one.raw), `"rule":"shared"`) || !strings.Contains(string(one.raw), `"rule":"pg"`) {
		t.Errorf("of web alone: %s", one.raw)
	}
	for _, path := range []string{"/v1/accounts/bolt/matrix", "/v1/accounts/acme/matrix?group=ghost", "/v1/accounts/bolt/realization"} {
		if a := s.do("GET", path, "", as(viewerAcme)...); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	// No host has the NICs plugged, so that there is nobody to wait for.
	if a := s.must("GET", "/v1/accounts/acme/realization", "", as(viewerAcme)...); a.text("state") != "realized" {
		t.Errorf("%s", a.raw)
	}
}
