package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/store"
)

// defaultEtcd is a world whose API keeps to the limits of an etcd as it comes.
func defaultEtcd(t *testing.T) *server {
	t.Helper()
	first := world(t)
	s, err := store.Open(t.Context(), store.Config{Endpoints: first.config.Endpoints, Prefix: first.config.Prefix, Logger: quiet(), RequestTimeout: time.Minute, ProbeTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	out := serveStore(t, s, first.tokens)
	awaitLoaded(t, s)
	return out
}

// nicWith is a NIC of n addresses, 10.<block>.0.0 and on.
func nicWith(network, mac string, block, n int) string {
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("10.%d.%d.%d", block, i/256, i%256)
	}
	list, _ := json.Marshal(addresses)
	return fmt.Sprintf(`{"account":"acme","network":%q,"mac":%q,"addresses":%s}`, network, mac, list)
}

// tooMany expects the refusal that names a limit.
func (s *server) tooMany(method, path, body, pointer, limit string) {
	s.t.Helper()
	a := s.do(method, path, body)
	if a.status != 422 || !strings.Contains(string(a.raw), `"pointer":"`+pointer+`"`) || !strings.Contains(string(a.raw), limit) {
		s.t.Errorf("%s %s: %d %.500s, want 422 at %s that names %s", method, path, a.status, a.raw, pointer, limit)
	}
}

// A NIC has up to 256 addresses in one request, and may have all others next.
func TestLimitOfAddresses(t *testing.T) {
	t.Parallel()
	s := defaultEtcd(t)
	s.must("PUT", "/v1/networks/wide", `{"type":"vpc","vpc":"wide","vlan":77}`)
	for _, n := range []int{123, 124, 125, 256} {
		s.must("PUT", "/v1/nics/many", nicWith("wide", "02:00:00:00:01:00", 0, n))
	}
	s.must("PUT", "/v1/nics/many", nicWith("wide", "02:00:00:00:01:00", 1, 256))
	s.tooMany("PUT", "/v1/nics/many", nicWith("wide", "02:00:00:00:01:00", 1, 257), "/addresses", "256")
	if n := strings.Count(string(s.must("GET", "/v1/nics/many", "").raw), `"10.1.`); n != 256 {
		t.Errorf("it has %d addresses", n)
	}
	s.must("DELETE", "/v1/nics/many", "")
}

// A network moves to another routing domain with as many addresses as fit.
func TestLimitOfMovedAddresses(t *testing.T) {
	t.Parallel()
	s := defaultEtcd(t)
	s.must("PUT", "/v1/networks/wide", `{"type":"vpc","vpc":"wide","vlan":77}`)
	for i, n := range []int{256, 256, 256, 256, 256, 219} { // 1,499
		s.must("PUT", fmt.Sprintf("/v1/nics/m%d", i), nicWith("wide", fmt.Sprintf("02:00:00:00:01:0%d", i), i, n))
	}
	s.must("PUT", "/v1/networks/wide", `{"type":"vpc","vpc":"other","vlan":77}`)
	s.must("PUT", "/v1/nics/m5", nicWith("wide", "02:00:00:00:01:05", 5, 220))
	s.tooMany("PUT", "/v1/networks/wide", `{"type":"vpc","vpc":"third","vlan":77}`, "/routing_domain", "3000")
	s.must("PUT", "/v1/nics/m5", nicWith("wide", "02:00:00:00:01:05", 5, 219))
	s.must("PUT", "/v1/networks/wide", `{"type":"vpc","vpc":"third","vlan":77}`)
}

// A transaction makes as many attachments as fit.
func TestLimitOfTransaction(t *testing.T) {
	t.Parallel()
	s := defaultEtcd(t)
	const nics, each = 30, 100
	var groups, attach []string
	var names []string
	for i := range each {
		groups = append(groups, fmt.Sprintf(`{"method":"PUT","path":"/security-groups/g%d","body":{"name":"g%d"}}`, i, i))
		names = append(names, fmt.Sprintf(`"g%d"`, i))
	}
	all := "[" + strings.Join(names, ",") + "]"
	less := "[" + strings.Join(names[1:], ",") + "]"
	s.must("POST", acme+"/transactions", `{"operations":[`+strings.Join(groups, ",")+`]}`)
	s.must("PUT", "/v1/networks/wide", `{"type":"vpc","vpc":"wide","vlan":77}`)
	for i := range nics {
		s.must("PUT", fmt.Sprintf("/v1/nics/m%d", i), nicWith("wide", fmt.Sprintf("02:00:00:00:01:%02d", i), i, 1))
		attach = append(attach, fmt.Sprintf(`{"method":"PUT","path":"/nics/m%d/security-groups","body":%s}`, i, all))
	}
	s.tooMany("POST", acme+"/transactions", `{"operations":[`+strings.Join(attach, ",")+`]}`, "/operations", "3000")
	attach[0] = fmt.Sprintf(`{"method":"PUT","path":"/nics/m0/security-groups","body":%s}`, less) // 2,999 of groups of one account
	s.must("POST", acme+"/transactions", `{"operations":[`+strings.Join(attach, ",")+`]}`)
}
