package controller

import (
	"testing"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
)

// Connections are told with what admitted them.
func TestConnectionsAreTold(t *testing.T) {
	r, p := guarded(t, 1, 2)
	r.applied(r.write(p.Rule("db", "r2", secgroup.Ingress, "udp", 53, "")))
	r.open(tcp(1, 2, 80), udp(1, 2, 53))
	a := ask[inquiry.ConnectionsAnswer](r, inquiry.KindConnections, inquiry.ConnectionsQuestion{NICs: []string{"a2"}})
	if len(a.Connections) != 2 {
		t.Fatalf("%+v", a)
	}
	for i, rule := range []string{"r2", "r1"} { // by port
		c := a.Connections[i]
		if c.NIC != "a2" || c.Direction != "ingress" || c.Reason != "rule" || c.Rule.ID != rule || c.Timeout == 0 || c.Bytes != 0 || c.Age != 0 {
			t.Errorf("%+v of %+v", c, c.Rule)
		}
	}
	if a := ask[inquiry.ConnectionsAnswer](r, inquiry.KindConnections, inquiry.ConnectionsQuestion{NICs: []string{"a1"}}); len(a.Connections) != 2 || a.Connections[0].Reason != "unrestricted" {
		t.Errorf("of the client: %+v", a)
	}
}
