package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/packet"
)

// tells has a host answer with open connections: those of the NICs it is asked for.
func (s *server) tells(host string, all func() ([]inquiry.Connection, error)) {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.store.ServeAsks(ctx, host, func(_ context.Context, kind string, body json.RawMessage) (json.RawMessage, error) {
			var q inquiry.ConnectionsQuestion
			if err := json.Unmarshal(body, &q); err != nil || kind != inquiry.KindConnections {
				return nil, errors.New("not asked for connections")
			}
			found, err := all()
			if err != nil {
				return nil, err
			}
			return json.Marshal(inquiry.ConnectionsAnswer{Connections: slices.DeleteFunc(found, func(c inquiry.Connection) bool { return !slices.Contains(q.NICs, c.NIC) })})
		})
	}()
	s.t.Cleanup(func() { stop(); <-ended })
}

func connection(nic, direction, src, dst string, port uint16) inquiry.Connection {
	return inquiry.Connection{NIC: nic, Direction: direction, Packet: packet.Tuple{
		Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Proto: 6, SrcPort: 40000, DstPort: port,
	}}
}

// A dry run says how many open connections the change would cut: of those that
// stand now, judged at both ends, one that two NICs have counted once.
func TestDryRunCountsWhatWouldBeCut(t *testing.T) {
	t.Parallel()
	s := sharing(t)
	s.must("PUT", rules+"/open", `{"direction":"ingress","protocol":"tcp","port_min":80}`)
	s.must("PUT", rules+"/lan", `{"direction":"ingress","protocol":"tcp","port_min":80,"port_max":90,"remote_cidr":"10.0.0.0/16"}`)
	s.must("PUT", groups+"/client", `{"name":"client","default_rules":false}`)
	s.must("PUT", acme+"/nics/n1/security-groups/client", "")
	var deaf, late atomic.Bool
	s.api.now = func() time.Time {
		if late.Load() {
			return time.Now().Add(time.Hour)
		}
		return time.Now()
	}
	s.tells("host-acme", func() ([]inquiry.Connection, error) {
		if deaf.Load() {
			return nil, errors.New("the switch does not answer")
		}
		return []inquiry.Connection{
			connection("n2", "ingress", "8.8.8.8", "10.0.0.2", 80),  // by open alone
			connection("n2", "ingress", "9.9.9.9", "10.0.0.2", 80),  // likewise
			connection("n2", "ingress", "10.0.0.1", "10.0.0.2", 80), // by both
			connection("n1", "egress", "10.0.0.1", "10.0.0.2", 80),  // the same one
			connection("n2", "ingress", "10.0.0.1", "10.0.0.2", 85), // by lan alone
			connection("n1", "egress", "10.0.0.1", "10.0.0.2", 85),  // the same one
			connection("n2", "ingress", "8.8.8.8", "10.0.0.2", 99),  // does not stand any more
			connection("n1", "egress", "10.0.0.1", "10.0.1.1", 22),  // to another account's NIC, which does not let it in
		}, nil
	})
	for _, host := range []string{"host-bolt", "host-both"} {
		s.tells(host, func() ([]inquiry.Connection, error) { return nil, nil })
	}
	for _, c := range []struct{ method, path, body, count string }{
		{"DELETE", rules + "/open", "", "2"},
		{"DELETE", rules + "/lan", "", "1"},
		{"PUT", rules, `[]`, "4"},
		{"PATCH", rules + "/open", `{"remote_cidr":"8.8.8.0/24"}`, "1"},
		{"DELETE", acme + "/nics/n2/security-groups/web", "", "4"},
		{"PATCH", groups + "/client", `{"egress_policy":"listed"}`, "2"},
		{"DELETE", "/v1/nics/n2", "", "4"},
		{"PUT", rules + "/more", `{"direction":"ingress","protocol":"tcp","port_min":99}`, "0"}, // takes nothing away
		{"DELETE", groups + "/inner", "", "0"},
	} {
		for _, token := range []string{admin, memberAcme} {
			if token == memberAcme && c.path[:8] != acme[:8] {
				continue
			}
			s.must(c.method, c.path+"?dry_run=true", c.body, as(token)...).want(t, map[string]string{
				"connections_cut.count": c.count, "connections_cut.complete": "true", "connections_cut.unanswered": "[]", "dry_run": "true",
			})
		}
	}
	// And it says which.
	cut := s.must("PUT", rules+"?dry_run=true", `[]`)
	var got []string
	for i := range 4 {
		at := func(field string) any { return cut.at("connections_cut", "connections", i, field) }
		got = append(got, fmt.Sprintf("%v %v %v > %v %v/%v", at("nic"), at("direction"), at("source"), at("destination"), at("protocol"), at("port")))
	}
	want := []string{
		"n1 egress 10.0.0.1 > 10.0.0.2 tcp/80", "n1 egress 10.0.0.1 > 10.0.0.2 tcp/85",
		"n2 ingress 8.8.8.8 > 10.0.0.2 tcp/80", "n2 ingress 9.9.9.9 > 10.0.0.2 tcp/80",
	}
	if !slices.Equal(got, want) {
		t.Errorf("would be cut:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// Nobody is told of another account's connections.
	s.must("PUT", share, `{"use":["attach"]}`)
	s.must("PATCH", bolt+"/security-groups/bolt-db?dry_run=true", `{"egress_policy":"listed"}`, as(memberBolt)...).want(t, map[string]string{"connections_cut.count": "0"})

	deaf.Store(true)
	s.must("DELETE", rules+"/open?dry_run=true", "").want(t, map[string]string{
		"connections_cut.count": "0", "connections_cut.complete": "false", "connections_cut.unanswered": `["host-acme"]`,
	})
	late.Store(true) // all hosts are silent, and are not waited for
	s.must("DELETE", rules+"/open?dry_run=true", "").want(t, map[string]string{"connections_cut.unanswered": `["host-acme","host-bolt","host-both"]`})
	if made := s.must("PUT", rules+"/more", `{"direction":"ingress","protocol":"tcp","port_min":99}`); made.at("connections_cut") != nil {
		t.Errorf("a change that is made has %s", made.raw)
	}
}
