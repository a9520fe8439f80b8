package controller

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
)

// TestFilteredAgain: what began while a NIC was not filtered, and nothing allows,
// ends when the NIC is filtered again, whoever looked on meanwhile, and whatever
// the switch has forgotten. Egress is open, so that whatever the server sends
// might begin a connection of its own.
func TestFilteredAgain(t *testing.T) {
	filtered := func(r *rig) { r.applied(r.write(secgroup.Put(small.NIC(1)))) }
	forgets := func(r *rig, k talk) {
		r.forget()
		r.pickingUp()
		r.inject("p1", k.fromServer(r.t))
	}
	for _, c := range []struct {
		name string
		then func(r *rig, k talk)
	}{
		{"the controller is there", func(r *rig, _ talk) { filtered(r) }},
		{"the controller is started later", func(r *rig, _ talk) {
			r.stop()
			rev := r.write(secgroup.Put(small.NIC(1)))
			r.start()
			r.applied(rev)
		}},
		{"the controller hears of it later", func(r *rig, _ talk) {
			r.way.cut()
			r.write(secgroup.Put(small.NIC(1)))
			rev := r.write(secgroup.Put(small.NIC(2)))
			r.way.mend()
			r.applied(rev)
		}},
		{"the switch has forgotten it", func(r *rig, k talk) {
			r.ovs.Appctl("dpctl/flush-conntrack")
			r.inject("p1", k.fromServer(r.t))
			filtered(r)
		}},
		{"the controller reads the whole policy anew, and then the switch forgets it", func(r *rig, k talk) {
			r.policy.anew.Store(true)
			filtered(r)
			forgets(r, k)
		}},
		{"the controller is started later, and then the switch forgets it", func(r *rig, k talk) {
			r.stop()
			rev := r.write(secgroup.Put(small.NIC(1)))
			r.start()
			r.applied(rev)
			forgets(r, k)
		}},
		{"the host is started again, and then the switch forgets it", func(r *rig, k talk) {
			r.stop()
			rev := r.write(secgroup.Put(small.NIC(1)))
			r.ovs.KillVswitchd()
			r.ovs.StartVswitchd()
			r.start()
			r.applied(rev)
			forgets(r, k)
		}},
		{"the switch has forgotten it, and the controller is started later", func(r *rig, k talk) {
			r.stop()
			r.ovs.Appctl("dpctl/flush-conntrack")
			r.inject("p1", k.fromServer(r.t))
			rev := r.write(secgroup.Put(small.NIC(1)))
			r.start()
			r.applied(rev)
		}},
		{"ovs-vswitchd was restarted", func(r *rig, k talk) {
			r.restartVswitchd()
			r.applied(1, "a1")
			r.inject("p1", k.fromServer(r.t))
			filtered(r)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, p := newRig(t), small.New()
			r.timing.unsure = pickUpNotAfter
			r.withUplink()
			off := *small.NIC(1)
			off.Enforcement = secgroup.EnforcementOff
			rev := r.write(append(p.Base(), secgroup.Put(&off), secgroup.Put(small.Attach("web", "a1")))...)
			r.start()
			r.plugged(1)
			r.applied(rev)
			k := talk{client: netip.MustParseAddr("192.0.2.7"), proto: layers.IPProtocolTCP, port: 40000}
			r.begin(k)
			c.then(r, k)
			for range 3 {
				if in, out := r.heard(k); in != 0 || out != 0 {
					t.Fatalf("filtered, the server hears %d of 5 and the client %d; connections %s", in, out, fmt.Sprint(r.all()))
				}
			}
		})
	}
}
