package httpapi

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// A network without a VLAN says so, is in nobody's way, and is another thing than
// one that says nothing of it.
func TestNetworkWithoutVLAN(t *testing.T) {
	t.Parallel()
	s := world(t)
	early := s.do("PUT", "/v1/networks/a", `{"type":"vpc","vpc":"a","vlan":null}`)
	for end := time.Now().Add(20 * time.Second); early.status == 503 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		early = s.do("PUT", "/v1/networks/a", `{"type":"vpc","vpc":"a","vlan":null}`) // nothing is known of the members yet
	}
	if early.status != 409 || early.text("code") != "cluster-level" {
		t.Errorf("before all members are known to understand it: %d %s", early.status, early.raw)
	}
	s.join()
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

// join has the cluster understand all that this version does.
func (s *server) join() {
	s.t.Helper()
	if err := s.store.AdoptCluster(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.store.Join(store.ClusterMember{ID: "api-1"})
	for end := time.Now().Add(20 * time.Second); s.store.Cluster().Level < store.LevelNow; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("the cluster stays at %+v", s.store.Cluster())
		}
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
	s.join()
	s.must("PUT", "/v1/networks/old", `{"type":"vpc","vpc":"old","vlan":null}`).want(t, map[string]string{"warnings": "[]"})
	s.must("GET", "/v1/networks?warnings=true", "").want(t, map[string]string{"items": "[]"})
}
