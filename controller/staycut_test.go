package controller

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

// talk is a conversation of a1, a server, with a client that is on another host,
// which comes in by the uplink.
type talk struct {
	client netip.Addr
	proto  layers.IPProtocol
	port   uint16 // the client's
	local  int    // the client is this NIC of the same host; 0: it is on another host
}

// Ports of the two services.
const tcpService, udpService = 80, 53

// services lets everybody use what group web's VMs serve, by TCP and by UDP.
func services(p *small.Policy) []secgroup.Change {
	return []secgroup.Change{p.Rule("web", "tcp", secgroup.Ingress, "tcp", tcpService, ""), p.Rule("web", "udp", secgroup.Ingress, "udp", udpService, "")}
}

func (k talk) service() uint16 {
	if k.proto == layers.IPProtocolTCP {
		return tcpService
	}
	return udpService
}

// segment is a packet of the conversation, from the server or from the client.
func (k talk) segment(tb testing.TB, server bool, flags string, seq, ack uint32) string {
	tb.Helper()
	a1, gateway := small.NIC(1).MAC, net.HardwareAddr{2, 0xff, 0, 0, 0, 1}
	if k.local != 0 {
		client := small.NIC(k.local).MAC
		gateway = client[:]
	}
	eth := &layers.Ethernet{SrcMAC: gateway, DstMAC: a1[:], EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: k.proto, SrcIP: k.client.AsSlice(), DstIP: small.Address4(1).AsSlice()}
	sport, dport := k.port, k.service()
	if server {
		eth.SrcMAC, eth.DstMAC, ip.SrcIP, ip.DstIP, sport, dport = eth.DstMAC, eth.SrcMAC, ip.DstIP, ip.SrcIP, dport, sport
	}
	var l4 gopacket.SerializableLayer = &layers.UDP{SrcPort: layers.UDPPort(sport), DstPort: layers.UDPPort(dport)}
	if k.proto == layers.IPProtocolTCP {
		l4 = &layers.TCP{
			SrcPort: layers.TCPPort(sport), DstPort: layers.TCPPort(dport), Seq: seq, Ack: ack, Window: 1000,
			SYN: strings.Contains(flags, "S"), ACK: strings.Contains(flags, "A"), FIN: strings.Contains(flags, "F"), RST: strings.Contains(flags, "R"), PSH: strings.Contains(flags, "P"),
		}
	}
	if err := l4.(interface {
		SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
	}).SetNetworkLayerForChecksum(ip); err != nil {
		tb.Fatal(err)
	}
	payload := gopacket.Payload(data)
	if !server && strings.Contains(flags, "R") {
		payload = nil
	}
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, eth, ip, l4, payload); err != nil {
		tb.Fatal(err)
	}
	return hex.EncodeToString(buf.Bytes())
}

// data is what every segment and datagram carries.
const data = "data"

// Numbers of the bytes that each side sends next.
const clientSeq, serverSeq = 1001, 5001

func (k talk) fromClient(tb testing.TB) string {
	tb.Helper()
	return k.segment(tb, false, "PA", clientSeq, serverSeq)
}
func (k talk) fromServer(tb testing.TB) string {
	tb.Helper()
	return k.segment(tb, true, "PA", serverSeq, clientSeq)
}

func (r *rig) inject(iface, frame string) {
	if _, err := r.ctl.Call(context.WithoutCancel(r.t.Context()), "netdev-dummy/receive", iface, frame); err != nil {
		r.logs.Write(fmt.Appendf(nil, "%s: %v\n", iface, err)) // the switch is away
	}
}

// begin opens the conversation and checks that both hear each other.
func (r *rig) begin(k talk) {
	r.t.Helper()
	if k.proto == layers.IPProtocolTCP {
		r.deliver("up", k.segment(r.t, false, "S", clientSeq-1, 0))
		r.deliver("p1", k.segment(r.t, true, "SA", serverSeq-1, clientSeq))
		r.deliver("up", k.segment(r.t, false, "A", clientSeq, serverSeq))
	}
	r.deliver("up", k.fromClient(r.t)) // the client begins
	r.eventually(patience, "both hear each other", func() string {
		if in, out := r.heard(k); in == 0 || out == 0 {
			return fmt.Sprintf("the server heard %d, the client %d", in, out)
		}
		return ""
	})
	for _, c := range r.all() {
		if c.Orig.Src != k.client {
			r.t.Fatalf("the server has begun it: %+v", c)
		}
	}
}

// heard has both sides send some packets, and counts what each gets. What was injected
// before is through when the first of them is: it is none of what is counted.
func (r *rig) heard(k talk) (server, client uint64) {
	r.t.Helper()
	r.deliver("p1", k.fromServer(r.t))
	r.deliver("up", k.fromClient(r.t))
	in, out := r.sent("p1"), r.sent("up")
	for range 5 {
		r.deliver("p1", k.fromServer(r.t))
		r.deliver("up", k.fromClient(r.t))
	}
	return r.sent("p1") - in, r.sent("up") - out
}

// TestCutStaysCut: a conversation whose rule is gone does not come back, in
// neither direction, however long its ends go on, and whatever becomes of the
// NIC, the switch and the rest of the policy. Egress is open, so whatever the
// server sends may begin a connection of its own. A rule that allows it again
// brings it back.
func TestCutStaysCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		then func(r *rig, p *small.Policy, k talk)
		tcp  bool // of TCP alone
		lost bool // its ground is another: conntrack knows it no more
	}{
		{name: "both go on", then: func(*rig, *small.Policy, talk) {}},
		{name: "the client half-closes", tcp: true, lost: true, then: func(r *rig, _ *small.Policy, k talk) {
			for range 3 {
				r.inject("up", k.segment(r.t, false, "FA", clientSeq, serverSeq))
			}
		}},
		{name: "egress was restricted then, and opens", then: func(r *rig, p *small.Policy, _ talk) {
			r.applied(r.write(p.With("web", func(g *secgroup.Group) { g.EgressPolicy = secgroup.EgressOpen })))
		}},
		{name: "the tap is plugged anew", then: func(r *rig, _ *small.Policy, _ talk) {
			r.ovs.Vsctl("del-port", bridge, "p1")
			r.status("it is gone", func(h store.HostStatus) bool { return !isReady(h, "a1") })
			r.plug(1)
			r.applied(0, "a1")
		}},
		{name: "ovs-vswitchd is killed", lost: true, then: func(r *rig, _ *small.Policy, _ talk) {
			r.restartVswitchd()
			r.applied(1, "a1")
		}},
		{name: "the NIC is deleted and made again", then: func(r *rig, _ *small.Policy, _ talk) {
			r.applied(r.write(secgroup.Delete(small.Attach("web", "a1").Key()), secgroup.Delete(secgroup.NICKey("a1"))))
			r.applied(r.write(secgroup.Put(small.NIC(1)), secgroup.Put(small.Attach("web", "a1"))), "a1")
		}},
		{name: "its address is taken away and given back", then: func(r *rig, _ *small.Policy, _ talk) {
			n := *small.NIC(1)
			n.Addresses = n.Addresses[1:]
			r.applied(r.write(secgroup.Put(&n)))
			r.applied(r.write(secgroup.Put(small.NIC(1))))
		}},
		{name: "the controller is killed", then: func(r *rig, _ *small.Policy, _ talk) {
			r.stop()
			r.start()
			r.applied(1, "a1")
		}},
		{name: "all flows are deleted", then: func(r *rig, _ *small.Policy, _ talk) {
			want := r.flows()
			r.ovs.Ofctl("del-flows", bridge)
			r.eventually(patience, "they are back", func() string { return same(r.flows(), want) })
		}},
		{name: "somebody flushes conntrack", lost: true, then: func(r *rig, _ *small.Policy, _ talk) {
			r.forget()
			r.logged("the switch has forgotten its connections")
		}},
		{name: "somebody flushes a zone", lost: true, then: func(r *rig, _ *small.Policy, _ talk) {
			zone, _, _ := strings.Cut(r.zone(1), "/")
			r.ovs.Appctl("dpctl/flush-conntrack", "zone="+zone)
			r.logged("cutting them again")
		}},
		// As long as nobody remembers it: the VM is on another host, or TCP was
		// silent for longer than conntrack waits.
		{name: "nobody remembers it", tcp: true, lost: true, then: func(r *rig, _ *small.Policy, _ talk) {
			r.stop()
			r.ovs.Appctl("dpctl/flush-conntrack")
			r.start()
			r.applied(1, "a1")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, p := newRig(t), small.New()
			r.withUplink()
			r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1")))...)
			if strings.Contains(c.name, "egress") {
				r.write(p.With("web", func(g *secgroup.Group) { g.EgressPolicy = secgroup.EgressListed }))
			}
			rev := r.write(services(p)...)
			r.start()
			r.plugged(1, 2)
			r.applied(rev)
			tcp := talk{client: netip.MustParseAddr("192.0.2.7"), proto: layers.IPProtocolTCP, port: 40000}
			talks := []talk{tcp}
			if !c.tcp {
				talks = append(talks, talk{client: tcp.client, proto: layers.IPProtocolUDP, port: tcp.port})
			}
			for _, k := range talks {
				r.begin(k)
			}
			r.applied(r.write(p.NoRule("web", "tcp"), p.NoRule("web", "udp")))
			silent := func(when string) {
				for _, k := range talks {
					if in, out := r.heard(k); in != 0 || out != 0 {
						t.Errorf("%s: %s: the server hears %d and the client %d; connections %v", when, k.proto, in, out, r.all())
					}
				}
			}
			silent("cut")
			ctx, stop := context.WithCancel(t.Context())
			var work sync.WaitGroup
			var rounds atomic.Int64
			work.Go(func() { // both go on all the while
				for ; ctx.Err() == nil; rounds.Add(1) {
					for _, k := range talks {
						r.inject("p1", k.fromServer(t))
						r.inject("up", k.fromClient(t))
					}
					_ = pause.For(ctx, 10*time.Millisecond)
				}
			})
			c.then(r, p, tcp)
			so := rounds.Load()
			r.eventually(patience, "both go on afterwards", func() string {
				if n := rounds.Load() - so; n < 20 {
					return fmt.Sprintf("%d rounds", n)
				}
				return ""
			})
			stop()
			work.Wait()
			silent("afterwards")
			r.applied(r.write(services(p)...))
			for _, k := range talks {
				if c.lost && k.proto == layers.IPProtocolTCP {
					continue // its numbers are others'
				}
				r.eventually(patience, "allowed again, both hear each other", func() string {
					if in, out := r.heard(k); in == 0 || out == 0 {
						return fmt.Sprintf("%s: the server heard %d, the client %d; connections %v", k.proto, in, out, r.all())
					}
					return ""
				})
			}
		})
	}
}

// TestCutOverTime: a UDP server whose rule is gone stays unheard for as long as it goes on
// sending, also where egress opens meanwhile. Once it has been silent for longer than
// conntrack waits the connection has ended, and what it sends then is a new one, by its own
// egress (docs/semantics.md). The switch's clock is put forward (time/warp).
func TestCutOverTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		every    time.Duration // the server sends
		lasts    time.Duration
		restrict bool // egress is restricted all the while
		hears    bool // the client hears it in the end
	}{
		{name: "without end", every: 20 * time.Second, lasts: 1200 * time.Second},
		{name: "every 70 s", every: 70 * time.Second, lasts: 350 * time.Second, hears: true},
		{name: "every 70 s, and may begin nothing", every: 70 * time.Second, lasts: 350 * time.Second, restrict: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, p := newRig(t), small.New()
			r.withUplink()
			r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.Attach("web", "a1")))...)
			r.write(p.With("web", func(g *secgroup.Group) { g.EgressPolicy = secgroup.EgressListed }))
			rev := r.write(services(p)...)
			r.start()
			r.plugged(1)
			r.applied(rev)
			k := talk{client: netip.MustParseAddr("192.0.2.7"), proto: layers.IPProtocolUDP, port: 40000}
			r.begin(k)
			r.applied(r.write(p.NoRule("web", "udp")))
			r.deliver("p1", k.fromServer(t)) // so the switch has found that it is cut
			if !c.restrict {
				r.applied(r.write(p.With("web", func(g *secgroup.Group) { g.EgressPolicy = secgroup.EgressOpen })))
			}
			before := r.sent("up")
			for at := time.Duration(0); at < c.lasts; at += c.every {
				r.ovs.Appctl("time/warp", fmt.Sprint(c.every.Milliseconds()))
				r.deliver("p1", k.fromServer(t))
				if heard := r.sent("up") > before; heard && !c.hears {
					t.Fatalf("%v later the client hears the server; connections %v", at+c.every, r.all())
				}
			}
			if heard := r.sent("up") > before; heard != c.hears {
				t.Errorf("the client hears the server: %t, want %t; connections %v", heard, c.hears, r.all())
			}
		})
	}
}

// TestEnforcementOnAgain: what nothing allows, and was begun while the NIC was not
// filtered, ends when it is filtered again, also as far as the VM goes on
// sending; what a rule allows goes on.
func TestEnforcementOnAgain(t *testing.T) {
	for _, proto := range []layers.IPProtocol{layers.IPProtocolTCP, layers.IPProtocolUDP} {
		for _, allowed := range []bool{false, true} {
			t.Run(fmt.Sprint(proto, allowed), func(t *testing.T) {
				r, p := newRig(t), small.New()
				r.withUplink()
				off := *small.NIC(1)
				off.Enforcement = secgroup.EnforcementOff
				rev := r.write(append(p.Base(), secgroup.Put(&off), secgroup.Put(small.Attach("web", "a1")))...)
				if allowed {
					rev = r.write(services(p)...)
				}
				r.start()
				r.plugged(1)
				r.applied(rev)
				k := talk{client: netip.MustParseAddr("192.0.2.7"), proto: proto, port: 40000}
				r.begin(k)
				r.applied(r.write(secgroup.Put(small.NIC(1))))
				in, out := r.heard(k)
				if allowed && (in != 5 || out != 5) || !allowed && (in != 0 || out != 0) {
					t.Errorf("filtered, the server hears %d of 5 and the client %d; connections %v", in, out, r.all())
				}
			})
		}
	}
}

// TestSYNOnAnOldTuple: a client that has crashed, and takes the same port again,
// reaches the server if a rule still says so: the ends then find out what the
// other knows. Nobody reaches it otherwise, and no SYN ends a connection.
func TestSYNOnAnOldTuple(t *testing.T) {
	r, p := newRig(t), small.New()
	r.withUplink()
	r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.Attach("web", "a1")))...)
	rev := r.write(p.Rule("web", "tcp", secgroup.Ingress, "tcp", tcpService, ""))
	r.start()
	r.plugged(1)
	r.applied(rev)
	k := talk{client: netip.MustParseAddr("192.0.2.7"), proto: layers.IPProtocolTCP, port: 40000}
	r.begin(k)
	const anew = 0x70000000 // far from the numbers of before
	passes := func(iface, to, frame string) bool {
		before := r.sent(to)
		r.deliver(iface, frame)
		return r.sent(to) > before
	}
	if !passes("up", "p1", k.segment(t, false, "S", anew, 0)) {
		t.Error("the SYN does not arrive")
	}
	if in, out := r.heard(k); in != 5 || out != 5 {
		t.Errorf("after a SYN the server hears %d of 5 and the client %d", in, out)
	}
	t.Log("the server says what it knows (RFC 5961), and the client that it knows nothing of it")
	if !passes("p1", "up", k.segment(t, true, "A", serverSeq, clientSeq+uint32(len(data)))) {
		t.Error("the server's answer does not arrive")
	}
	if !passes("up", "p1", k.segment(t, false, "R", clientSeq+uint32(len(data)), 0)) {
		t.Error("the reset does not arrive")
	}
	for i, s := range []struct{ iface, to, frame string }{
		{"up", "p1", k.segment(t, false, "S", anew, 0)},
		{"p1", "up", k.segment(t, true, "SA", anew, anew+1)},
		{"up", "p1", k.segment(t, false, "A", anew+1, anew+1)},
		{"p1", "up", k.segment(t, true, "PA", anew+1, anew+1)},
	} {
		if !passes(s.iface, s.to, s.frame) {
			t.Errorf("step %d of the new connection does not arrive; connections %v", i, r.all())
		}
	}
	t.Log("without a rule")
	r.applied(r.write(p.NoRule("web", "tcp")))
	if passes("up", "p1", k.segment(t, false, "S", anew+0x1000000, 0)) {
		t.Error("the SYN arrives although no rule allows it")
	}
	if in, out := r.heard(k); in != 0 || out != 0 {
		t.Errorf("the server hears %d and the client %d", in, out)
	}
}

// sentinel says that the sentinel is not there.
func (r *rig) sentinel() string {
	limits, err := r.ctl.ForDatapath(unixctl.DatapathName("dummy")).GetLimits(r.t.Context(), sentinelZone)
	if err != nil || len(limits.Zones) != 1 || limits.Zones[0].Count == 0 {
		return fmt.Sprint(limits, err)
	}
	return ""
}

// sentinelSeen waits until the controller has seen the sentinel since it was started, or
// noticed that it was gone: only then does it notice that it is gone.
func (r *rig) sentinelSeen() {
	r.t.Helper()
	r.eventually(patience, "the sentinel is seen", func() string {
		log := r.logs.String()
		if strings.LastIndex(log, sentinelThere) < max(strings.LastIndex(log, controllerStarts), strings.LastIndex(log, forgotConnections)) {
			return "not logged"
		}
		return r.sentinel()
	})
}

// forget has the switch forget its connections, so that the controller notices.
func (r *rig) forget() {
	r.t.Helper()
	r.sentinelSeen()
	r.ovs.Appctl("dpctl/flush-conntrack")
}

// logged waits until the controller has logged something.
func (r *rig) logged(what string) {
	r.t.Helper()
	r.eventually(patience, what, func() string {
		if !strings.Contains(r.logs.String(), what) {
			return "not logged"
		}
		return ""
	})
}

// all returns the connections of all NICs.
func (r *rig) all() []unixctl.Conn {
	all, err := r.ctl.ForDatapath(unixctl.DatapathName("dummy")).DumpAllConntrack(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(c unixctl.Conn) bool { return c.Zone == sentinelZone })
}
