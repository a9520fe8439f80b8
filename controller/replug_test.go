package controller

import (
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// TestReplug: connections go on when a tap is deleted and added again, without a
// SYN and whoever sends first. What lost its rule meanwhile does not, although
// egress is open for all that the server sends; and neither does what was cut
// before, also if the switch forgot its connections meanwhile.
func TestReplug(t *testing.T) {
	r, p := newRig(t), small.New()
	r.withUplink()
	rev := r.write(append(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.Attach("web", "a1"))), services(p)...)...)
	r.start()
	r.plugged(1)
	r.applied(rev)
	replug := func(during func()) {
		t.Helper()
		r.ovs.Vsctl("del-port", bridge, "p1")
		r.status("it is gone", func(h store.HostStatus) bool { return !isReady(h, "a1") })
		during()
		r.plug(1)
		r.applied(0, "a1")
	}
	var talks []talk
	for _, proto := range []layers.IPProtocol{layers.IPProtocolTCP, layers.IPProtocolUDP} {
		talks = append(talks, talk{client: netip.MustParseAddr("192.0.2.7"), proto: proto, port: 40000})
	}
	heard := func(what string, server, client uint64) {
		t.Helper()
		for _, k := range talks {
			if in, out := r.heard(k); in != server || out != client {
				t.Errorf("%s: %v: the server hears %d of 5 and the client %d; connections %v", what, k.proto, in, out, r.all())
			}
		}
	}
	for _, k := range talks {
		r.begin(k)
	}
	replug(func() {})
	heard("plugged anew", 5, 5)
	replug(func() { r.applied(r.write(p.NoRule("web", "tcp"), p.NoRule("web", "udp"))) })
	heard("its rule went while it was away", 0, 0)
	replug(func() {
		r.restartVswitchd()
		r.applied(0)
	})
	heard("the switch has forgotten what was cut", 0, 0)
}
