package httpapi

import (
	"context"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// A network without a VLAN says so, is in nobody's way, and is another thing than
// one that says nothing of it.
func TestNetworkWithoutVLAN(t *testing.T) {
	t.Parallel()
	s := world(t)
	for _, name := range []string{"a", "b"} { // of two domains, beside net1, which is untagged
		s.must("PUT", "/v1/networks/"+name, `{"type":"vpc","vpc":"`+name+`","vlan":null}`).want(t, map[string]string{"vlan": "null", "warnings": "[]"})
	}
	s.must("GET", "/v1/networks/a", "").want(t, map[string]string{"vlan": "null"})
	s.must("PUT", "/v1/networks/c", `{"type":"public"}`).want(t, map[string]string{"vlan": "0"})
	s.must("PUT", "/v1/nics/x", `{"account":"acme","network":"a","mac":"02:00:00:00:00:01"}`) // n1's, in another segment
	if a := s.do("PUT", "/v1/nics/y", `{"account":"acme","network":"a","mac":"02:00:00:00:00:01"}`); a.status != 409 || a.text("code") != "mac-in-use" {
		t.Errorf("%d %s", a.status, a.raw)
	}
	if a := s.do("PUT", "/v1/networks/a", `{"type":"vpc","vpc":"a"}`); a.status != 409 || a.text("code") != "vlan-in-use" {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

// Networks of two domains that have been on one VLAN since before that was
// refused stay, can be changed, and say so.
func TestDomainsOnOneVLAN(t *testing.T) {
	t.Parallel()
	s := world(t)
	if got := s.do("GET", "/metrics", ""); !strings.Contains(string(got.raw), "ringfence_networks_mixing 0\n") {
		t.Errorf("%s", got.raw)
	}
	old := &secgroup.Network{ID: "old", Type: secgroup.NetworkVPC, VPC: "old", RoutingDomain: "vpc:old"}
	if _, err := s.store.Update(context.Background(), func(*secgroup.Snapshot) ([]secgroup.Change, error) {
		return []secgroup.Change{secgroup.Put(old)}, nil
	}); err != nil {
		t.Fatal(err)
	}
	s.must("PUT", "/v1/networks/old", `{"type":"vpc","vpc":"old","gateways":["10.0.0.254"]}`).want(t, map[string]string{
		"warnings.0.code": "vlan-in-use", "warnings.0.networks": `["net1"]`,
	})
	s.must("GET", "/v1/networks/net1", "").want(t, map[string]string{"warnings.0.networks": `["old"]`})
	s.must("GET", "/v1/networks/net2", "").want(t, map[string]string{"warnings": "[]"})
	s.must("GET", "/v1/networks?warnings=true", "").want(t, map[string]string{"items.0.id": "net1", "items.1.id": "old", "items.2": "null"})
	if got := s.do("GET", "/metrics", ""); !strings.Contains(string(got.raw), "ringfence_networks_mixing 2\n") {
		t.Errorf("%s", got.raw)
	}
	s.must("PUT", "/v1/networks/old", `{"type":"vpc","vpc":"old","vlan":null}`).want(t, map[string]string{"warnings": "[]"})
	s.must("GET", "/v1/networks?warnings=true", "").want(t, map[string]string{"items": "[]"})
}
