package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/internal/traffic"
)

// A VPC of two networks that a router joins: 10.0.0.0/24 and 10.0.1.0/24.

// second makes the tenant's second network.
func (n *tenant) second() (network string, vlan uint16) {
	n.t.Helper()
	network, vlan = n.network+"-b", n.dc.vlan()
	n.must(n.api.PutNetwork(n.t.Context(), network, client.NetworkSpec{
		Type: "vpc", VPC: "vpc-" + n.account, VLAN: int(vlan), Prefixes: []string{"10.0.1.0/24", "fd00:0:0:1::/64"},
	}))
	return network, vlan
}

// playIn is play for a network other than the tenant's first.
func (n *tenant) playIn(network, prefix4, prefix6, role string) {
	n.t.Helper()
	n.roles = append(n.roles, role)
	for _, host := range hosts {
		spec := n.nicSpec(role, host)
		octet := n.octet(role, host)
		spec.Network, spec.Addresses = network, []string{fmt.Sprint(prefix4, octet), fmt.Sprint(prefix6, octet)}
		n.must(n.api.PutInstance(n.t.Context(), n.account, n.instance(role, host), client.InstanceSpec{Name: role}))
		n.machineOf(role, host, lab.NodeSpec{MAC: spec.MAC, Addresses: prefixes(n.t, spec.Addresses[0]+"/24", spec.Addresses[1]+"/64")})
		n.must(n.api.PutNIC(n.t.Context(), n.nic(role, host), spec))
	}
	n.plug(role)
}

// route has the roles' VMs send what is for elsewhere to a gateway.
func (n *tenant) route(gateway4, gateway6 string, roles ...string) {
	n.t.Helper()
	for _, role := range roles {
		for _, host := range hosts {
			if err := n.party(role+"@"+host).Node.NS.IP(
				"route add default via "+gateway4+" dev "+lab.Device, "route add default via "+gateway6+" dev "+lab.Device,
			); err != nil {
				n.t.Fatal(err)
			}
		}
	}
}

// sides are what a router has in the two networks.
func (n *tenant) sides() (a, b lab.NodeSpec) {
	n.t.Helper()
	return lab.NodeSpec{Name: "router", MAC: n.macs + ":01", Addresses: prefixes(n.t, "10.0.0.1/24", "fd00::1/64")},
		lab.NodeSpec{MAC: n.macs + ":02", Addresses: prefixes(n.t, "10.0.1.1/24", "fd00:0:0:1::1/64")}
}

// testRouted plays a VPC whose networks are joined by a router that join makes:
// rules by group hold across it, and errors of its own come back.
func testRouted(t *testing.T, dc *datacentre, join func(n *tenant, network string, vlan uint16) *lab.Node) {
	n := dc.newTenant(t)
	network, vlan := n.second()
	router := join(n, network, vlan)
	if err := router.Forward(); err != nil {
		t.Fatal(err)
	}
	n.play("web", "other")
	n.playIn(network, "10.0.1.", "fd00:0:0:1::", "db")
	n.route("10.0.0.1", "fd00::1", "web", "other")
	n.route("10.0.1.1", "fd00:0:0:1::1", "db")
	n.groups("web", "other", "db")
	for _, role := range []string{"web", "other", "db"} {
		n.join(role, role)
	}
	n.expect("")
	n.rule("db", "in", "ingress tcp 80 from web")
	n.expect("web -> db: tcp/80")
	t.Run("a group that acts in listed networks only", func(t *testing.T) {
		n.group("scoped", func(g *client.GroupSpec) { g.NetworkScope, g.Networks = "listed", []string{n.network} })
		n.rule("scoped", "in", "ingress udp 53 from any")
		n.join("scoped", "web", "db")
		n.expect("web -> db: tcp/80\n* -> web: udp/53")
		n.leave("scoped", "web", "db")
		n.expect("web -> db: tcp/80")
	})
	t.Run("path MTU", func(t *testing.T) { n.testPathMTU(t, router) })
	t.Run("traceroute", func(t *testing.T) { n.testTraceroute(t) })
}

// testPathMTU sends more than the ways through the router take in one packet,
// there and back, without any rule for ICMP.
func (n *tenant) testPathMTU(t *testing.T, router *lab.Node) {
	if err := router.NS.IP(
		"route replace 10.0.0.0/24 dev eth0 mtu 1300", "route replace fd00::/64 dev eth0 metric 256 mtu 1300",
		"route replace 10.0.1.0/24 dev eth1 mtu 1300", "route replace fd00:0:0:1::/64 dev eth1 metric 256 mtu 1300",
	); err != nil {
		t.Fatal(err)
	}
	n.rule("db", "transfer", "ingress tcp 8080 from web")
	tooBig := func(p *traffic.Packet) bool {
		return !p.Out && (p.Proto == 1 && p.ICMPType == 3 && p.ICMPCode == 4 || p.Proto == 58 && p.ICMPType == 2)
	}
	for _, family := range []int{4, 6} {
		for _, hosts := range [][2]string{{"h1", "h1"}, {"h1", "h2"}, {"h2", "h1"}} {
			from, to := n.party("web@"+hosts[0]), n.party("db@"+hosts[1])
			begin := time.Now()
			if err := transfer(t.Context(), from, to, family, 60_000); err != nil {
				t.Errorf("IPv%d %s > %s: %v", family, from.Name(), to.Name(), err)
			}
			for _, p := range []*matrix.Party{from, to} {
				if hosts[0] != hosts[1] {
					continue // a host learns it once and keeps it
				}
				eventually(t, longest, func() error { // the capture may lag behind
					if len(p.Capture.Find(begin, tooBig)) == 0 {
						return fmt.Errorf("IPv%d %s > %s: the router's error did not arrive at %s", family, from.Name(), to.Name(), p.Name())
					}
					return nil
				})
			}
		}
	}
}

// transfer sends so many bytes to TCP port 8080, and as many back, by a
// connection of its own.
func transfer(ctx context.Context, from, to *matrix.Party, family, size int) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	network, address := fmt.Sprintf("tcp%d", family), netip.AddrPortFrom(to.Node.Address(family), 8080).String()
	l, err := netns.Open(to.Node.NS, func() (net.Listener, error) { return net.Listen(network, address) })
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		all, _ := io.ReadAll(c) // what came goes back
		_, _ = c.Write(all)     // or the other end misses it
	}()
	c, err := netns.Open(from.Node.NS, func() (net.Conn, error) { return new(net.Dialer).DialContext(ctx, network, address) })
	if err != nil {
		return err
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := c.Write(make([]byte, size)); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	back, err := io.ReadAll(c)
	if err == nil && len(back) != size {
		err = fmt.Errorf("%d of %d bytes came back", len(back), size)
	}
	return err
}

// testTraceroute sends a packet that dies at the router.
func (n *tenant) testTraceroute(t *testing.T) {
	web, db := n.party("web@h1"), n.party("db@h2")
	w := newWire(web, db, n.vlan)
	w.dstMAC = mac(n.macs + ":01")
	h4, h6 := w.ip4(layers.IPProtocolUDP), w.ip6(layers.IPProtocolUDP)
	h4.TTL, h6.HopLimit = 1, 1
	begin := time.Now()
	newSender(t, web.Node).send(t, w.in4(h4, udp(w.port(), 33434), w.payload()), w.in6(h6, udp(w.port(), 33434), w.payload()))
	eventually(t, longest, func() error {
		got := web.Capture.Find(begin, func(p *traffic.Packet) bool {
			return !p.Out && (p.Proto == 1 && p.ICMPType == 11 || p.Proto == 58 && p.ICMPType == 3)
		})
		if len(got) != 2 {
			return fmt.Errorf("%d of 2 errors came back", len(got))
		}
		return nil
	})
}

// A router that is no NIC of ours joins the networks.
func routerOutside(n *tenant, _ string, vlan uint16) *lab.Node {
	n.t.Helper()
	a, b := n.sides()
	router, err := n.dc.lab.Outside(n.t.Context(), n.vlan, a)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.dc.lab.Extend(n.t.Context(), router, "eth1", vlan, b); err != nil {
		n.t.Fatal(err)
	}
	return router
}

// A router that is a VM with enforcement off: it passes on what has others'
// addresses, and its peers are judged as ever.
func routerVM(n *tenant, network string, _ uint16) *lab.Node {
	n.t.Helper()
	a, b := n.sides()
	host := n.dc.lab.Host("h1")
	first, err := host.VM(n.network+"-router-a", a)
	if err != nil {
		n.t.Fatal(err)
	}
	second, err := host.NIC(first.Node, n.network+"-router-b", "eth1", b)
	if err != nil {
		n.t.Fatal(err)
	}
	n.vms["router-a"], n.vms["router-b"] = first, second
	for id, nic := range map[string]struct {
		network string
		spec    lab.NodeSpec
	}{first.NIC: {n.network, a}, second.NIC: {network, b}} {
		spec := client.NICSpec{Account: n.account, Network: nic.network, MAC: nic.spec.MAC, Enforcement: "off"}
		for _, p := range nic.spec.Addresses {
			spec.Addresses = append(spec.Addresses, p.Addr().String())
		}
		n.must(n.api.PutNIC(n.t.Context(), id, spec))
	}
	if err := host.Plug(n.t.Context(), first, second); err != nil {
		n.t.Fatal(err)
	}
	for _, vm := range []*lab.VM{first, second} {
		eventually(n.t, longest, func() error {
			nic, err := n.api.NIC(n.t.Context(), n.account, vm.NIC)
			if err == nil && !nic.Ready {
				err = fmt.Errorf("NIC %s is not ready", vm.NIC)
			}
			return err
		})
	}
	return first.Node
}

// testGateway: what a network's gateway may say to VMs, and what nobody may.
func testGateway(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	n.play("vm")
	gateway, stranger := n.machineOutside("gateway", 1), n.machineOutside("stranger", 2)
	n.must(n.api.PutNetwork(t.Context(), n.network, client.NetworkSpec{
		Type: "vpc", VPC: "vpc-" + n.account, VLAN: int(n.vlan), Prefixes: []string{"10.0.0.0/24", "fd00::/64"},
		Gateways: []string{"10.0.0.1", linkLocalText(gateway)},
	}, client.Wait(longest)))
	begin := time.Now()
	type hail struct {
		what string
		mark []byte
		seen bool
	}
	var hails []hail
	vm := n.party("vm@h1")
	say := func(from *matrix.Party, what string, seen bool, frames func(w wire) [][]byte) {
		w := newWire(from, vm, n.vlan)
		newSender(t, from.Node).send(t, frames(w)...)
		hails = append(hails, hail{from.Name() + ": " + what, w.mark, seen})
	}
	advert := func(w wire) [][]byte {
		w = w.toGroup(ip("ff02::1"))
		w.src6 = linkLocal(w.srcMAC)
		return [][]byte{w.icmp6(255, 134, []byte{64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0})}
	}
	errorAbout := func(sent func(w wire) []byte) func(w wire) [][]byte {
		return func(w wire) [][]byte {
			back := w
			back.src4, back.dst4 = w.dst4, w.src4
			return w.errorsAbout(sent(back))
		}
	}
	// The VM asks the gateway something.
	w := newWire(vm, gateway, n.vlan)
	asked := w.udp4(33434)
	newSender(t, vm.Node).send(t, asked)
	eventually(t, longest, func() error {
		if len(gateway.Capture.Find(begin, func(p *traffic.Packet) bool { return !p.Out && p.DstPort == 33434 })) == 0 {
			return fmt.Errorf("the question did not arrive")
		}
		return nil
	})
	say(stranger, "router advertisement", false, advert)
	say(stranger, "error about nothing", false, errorAbout(func(back wire) []byte { return back.udp4(7) }))
	say(stranger, "datagram", false, func(w wire) [][]byte { return w.udp(53) })
	say(stranger, "error about what was sent to another", true, errorAbout(func(wire) []byte { return asked }))
	say(gateway, "error about nothing", false, errorAbout(func(back wire) []byte { return back.udp4(7) }))
	say(gateway, "error about what was sent", true, errorAbout(func(wire) []byte { return asked }))
	say(gateway, "router advertisement", true, advert)
	arrived := func(h hail) bool {
		return len(vm.Capture.Find(begin, func(p *traffic.Packet) bool { return !p.Out && bytes.Contains(p.Frame, h.mark) })) > 0
	}
	eventually(t, longest, func() error {
		for _, h := range hails {
			if h.seen && !arrived(h) {
				return fmt.Errorf("%s: did not arrive", h.what)
			}
		}
		return nil
	})
	time.Sleep(inFlight)
	for _, h := range hails {
		if arrived(h) != h.seen {
			t.Errorf("%s: seen %t, expected %t", h.what, !h.seen, h.seen)
		}
	}
}

func linkLocalText(p *matrix.Party) string { return linkLocal(mac(p.Node.MAC)).String() }
