package controller

import (
	"testing"
	"time"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// Connections are told with what admitted them, and with bytes and age where the
// datapath has them.
func TestConnectionsAreTold(t *testing.T) {
	r, p := guarded(t, 1, 2)
	r.applied(r.write(p.rule("db", "r2", secgroup.Ingress, "udp", 53, "")))
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
	conn := unixctl.Conn{
		Proto: 6, Orig: unixctl.Tuple{Src: address4(1), Dst: address4(2), SPort: 1, DPort: 80}, Mark: ofrules.MarkUnrestricted,
		Sent: unixctl.Count{Packets: 3, Bytes: 400}, Received: unixctl.Count{Packets: 2, Bytes: 100}, Start: time.Now().Add(-time.Minute),
	}
	if c := showConnection(nil, nic(1), conn); c.Packets != 5 || c.Bytes != 500 || c.Age < 60 || c.Age > 3600 || c.Direction != "egress" {
		t.Errorf("where the datapath counts: %+v", c)
	}
}
