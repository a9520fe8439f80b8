package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// load fills a store with nics members spread over groups, whose rules name
// other groups, as the workloads of the benches do.
func load(tb testing.TB, s *store.Store, groups, rulesEach, nics int) {
	tb.Helper()
	all := []secgroup.Change{
		secgroup.Put(&secgroup.Account{ID: "acme", EgressPolicyDefault: secgroup.EgressAuto, EgressOpenGuard: secgroup.GuardAllow}),
		secgroup.Put(&secgroup.Network{ID: "net", Type: secgroup.NetworkFlat, RoutingDomain: "provider", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}),
		secgroup.Put(&secgroup.Group{GroupRef: secgroup.GroupRef{Account: "acme", ID: "default"}, Name: "default", IsDefault: true,
			EgressPolicy: secgroup.EgressAuto, NetworkScope: secgroup.ScopeAny}),
	}
	ref := func(i int) secgroup.GroupRef {
		return secgroup.GroupRef{Account: "acme", ID: fmt.Sprintf("g%05d", i%groups)}
	}
	for i := range groups {
		g := &secgroup.Group{GroupRef: ref(i), Name: ref(i).ID, EgressPolicy: secgroup.EgressAuto, NetworkScope: secgroup.ScopeAny}
		for k := range rulesEach {
			g.Rules = append(g.Rules, secgroup.Rule{
				ID: fmt.Sprintf("r%03d", k), Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: secgroup.ProtocolTCP,
				PortMin: uint16(1000 + k), PortMax: uint16(1000 + k), RemoteGroup: ref(i + 1 + k), Enabled: true, Origin: secgroup.OriginUser,
			})
		}
		all = append(all, secgroup.Put(g))
	}
	base := netip.MustParseAddr("10.1.0.0").As4()
	for i := range nics {
		a := base
		a[1], a[2], a[3] = byte(1+i>>16), byte(i>>8), byte(i)
		n := &secgroup.NIC{ID: fmt.Sprintf("n%06d", i), Account: "acme", Network: "net", MAC: secgroup.MAC{2, 0, 0, a[1], a[2], a[3]},
			Addresses: []netip.Addr{netip.AddrFrom4(a)}, Enforcement: secgroup.EnforcementOn}
		all = append(all, secgroup.Put(n), secgroup.Put(&secgroup.Attachment{Group: ref(i), NIC: n.ID}))
	}
	for len(all) > 0 {
		part := all[:min(len(all), 4000)]
		all = all[len(part):]
		if _, err := s.Update(tb.Context(), func(*secgroup.Snapshot) ([]secgroup.Change, error) { return part, nil }); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkMutations measures requests on 500 groups, 5,000 rules and 50,000
// NICs, from the request to the end of the answer; no host is there.
func BenchmarkMutations(b *testing.B) {
	s := serve(b)
	load(b, s.store, 500, 10, 50_000)
	for h := range 10 {
		var nics []string
		for i := range 10 {
			nics = append(nics, fmt.Sprintf("n%06d", h*10+i))
		}
		s.report(fmt.Sprint("host", h), 1, nics...)
	}
	const account = "/v1/accounts/acme"
	do := func(b *testing.B, method, path, body string) {
		b.Helper()
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+admin)
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.api.ServeHTTP(w, req)
		if w.Code >= http.StatusBadRequest {
			b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	}
	for _, op := range []struct {
		name string
		run  func(b *testing.B, i int)
	}{
		{"rule added", func(b *testing.B, i int) {
			do(b, "PUT", fmt.Sprintf("%s/security-groups/g%05d/rules/x%d", account, i%500, i), `{"direction":"ingress","protocol":"tcp","port_min":443,"remote_group":"g00007"}`)
		}},
		{"member added", func(b *testing.B, i int) {
			do(b, "PUT", fmt.Sprintf("%s/nics/n%06d/security-groups/g00007", account, 60+i%40_000), "")
		}},
		{"nic added", func(b *testing.B, i int) {
			do(b, "PUT", fmt.Sprintf("/v1/nics/z%d", i), fmt.Sprintf(`{"account":"acme","network":"net","mac":"02:01:00:00:00:01","addresses":["11.0.%d.%d"]}`, i>>8&255, i&255))
		}},
		{"nic read", func(b *testing.B, i int) { do(b, "GET", fmt.Sprintf("%s/nics/n%06d", account, i%50_000), "") }},
		{"page of nics", func(b *testing.B, i int) { do(b, "GET", account+"/nics?limit=100", "") }},
		{"page of groups", func(b *testing.B, i int) { do(b, "GET", account+"/security-groups?limit=100", "") }},
		{"group realization", func(b *testing.B, i int) {
			do(b, "GET", account+"/security-groups/g00007/realization?revision=1", "")
		}},
	} {
		b.Run(op.name, func(b *testing.B) {
			begun := time.Now()
			for i := 0; b.Loop(); i++ {
				op.run(b, i)
			}
			b.ReportMetric(float64(time.Since(begun).Milliseconds())/float64(b.N), "ms/request")
		})
	}
}
