package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/internal/traffic"
)

// TestVswitchdRestarts: "ovs-vswitchd restarts: bridge is fail_mode=secure:
// nothing passes until the whole flow set is back".
func TestVswitchdRestarts(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := newClientServer(t, dc)
	h1, server := dc.lab.Host("h1"), n.party("server@h1")
	held := n.hold("client@h1", "server", traffic.StreamSpec{})
	here := time.Now() // All NICs have been at the hosts since before.
	before := flows(t, h1)
	const allowed, denied = 20900, 30000
	for _, host := range hosts {
		for _, family := range []int{4, 6} {
			n.drip("client@"+host, "server@h1", family, allowed)
			n.drip("client@"+host, "server@h1", family, denied)
			n.drip("stranger@"+host, "server@h1", family, allowed)
		}
	}
	arrivals := func(since time.Time, port uint16, from string) (sources int) {
		seen := map[netip.Addr]bool{}
		for _, p := range server.Capture.Find(since, func(p *traffic.Packet) bool { return !p.Out && p.DstPort == port }) {
			for _, host := range hosts {
				if slices.ContainsFunc(n.party(from+"@"+host).Node.Addresses, func(a netip.Prefix) bool { return a.Addr() == p.Src }) {
					seen[p.Src] = true
				}
			}
		}
		return len(seen)
	}
	start := time.Now()
	eventually(t, longest, func() error {
		if got := arrivals(start, allowed, "client"); got != 4 {
			return fmt.Errorf("datagrams of %d clients' addresses arrive, want 4", got)
		}
		return nil
	})
	// docs/semantics.md: TCP is not picked up of a NIC that came to its host less
	// than 15 s before the switch forgot its connections.
	time.Sleep(time.Until(here.Add(16 * time.Second)))
	for _, restart := range []func() error{
		func() error { return h1.RestartVswitchd(t.Context()) },
		func() error { return errors.Join(h1.KillVswitchd(), h1.StartVswitchd(t.Context())) },
	} {
		if err := restart(); err != nil {
			t.Fatal(err)
		}
		back := time.Now()
		eventually(t, longest, func() error {
			if got := arrivals(back, allowed, "client"); got != 4 {
				return fmt.Errorf("datagrams of %d clients' addresses arrive, want 4", got)
			}
			return nil
		})
		t.Logf("traffic is back %s after ovs-vswitchd", time.Since(back).Round(time.Millisecond))
		expectFlows(t, h1, before)
		n.expect(clientServerWant)
	}
	if got := arrivals(start, denied, "client") + arrivals(start, allowed, "stranger"); got != 0 {
		t.Error("something passed during a restart that must not")
	}
	// The switch has forgotten its connections: they are judged anew.
	again := time.Now()
	eventually(t, longest, func() error { // TCP has doubled its timeout some times
		for _, s := range held {
			if s.ToServer.Last().Before(again) || s.ToClient.Last().Before(again) {
				return fmt.Errorf("%s %s > %s %s has not survived", s.Spec.Proto, s.client.Name(), s.server.Name(), s.Spec.Dst)
			}
		}
		return nil
	})
}

// drip sends a datagram every few milliseconds until the test ends.
func (n *tenant) drip(from, to string, family int, port uint16) {
	n.t.Helper()
	at := netip.AddrPortFrom(n.party(to).Node.Address(family), port)
	c, err := netns.Open(n.party(from).Node.NS, func() (net.Conn, error) {
		return net.Dial(fmt.Sprintf("udp%d", family), at.String())
	})
	if err != nil {
		n.t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			if _, err := c.Write([]byte("drip")); errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	n.t.Cleanup(func() {
		c.Close()
		wg.Wait()
	})
}

// TestSabotage: "someone edits our flows: seen and put right within 1 s …;
// foreign flows (other cookies, other tables) are never touched".
func TestSabotage(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := newClientServer(t, dc)
	h1 := dc.lab.Host("h1")
	ours := flows(t, h1)
	foreign := []string{
		"cookie=0xf00d, table=0, priority=1,in_port=65000 actions=drop",
		"cookie=0xf00d, table=250, priority=7,ip actions=NORMAL",
	}
	ofctl := func(args ...string) {
		t.Helper()
		if _, err := h1.Ofctl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	addForeign := func() {
		ofctl("add-flow", lab.Bridge, "cookie=0xf00d,table=0,priority=1,in_port=65000,actions=drop")
		ofctl("add-flow", lab.Bridge, "cookie=0xf00d,table=250,priority=7,ip,actions=NORMAL")
	}
	addForeign()
	all := flows(t, h1)
	if len(all) != len(ours)+len(foreign) {
		t.Fatalf("%d flows with %d foreign ones, %d without", len(all), len(foreign), len(ours))
	}
	cookie := regexp.MustCompile(`cookie=0x[0-9a-f]+`).FindString(ours[len(ours)-1])
	for _, s := range []struct {
		name string
		do   func()
	}{
		{"one flow deleted", func() { ofctl("--strict", "del-flows", lab.Bridge, match(ours[len(ours)/2])) }},
		{"a table's flows deleted", func() { ofctl("del-flows", lab.Bridge, "table=0,cookie="+strings.TrimPrefix(cookie, "cookie=")+"/0") }},
		{"all flows changed", func() { ofctl("mod-flows", lab.Bridge, "actions=drop") }},
		{"a flow that claims to be ours", func() { ofctl("add-flow", lab.Bridge, cookie+",table=0,priority=65000,actions=NORMAL") }},
		{"all flows deleted", func() { ofctl("del-flows", lab.Bridge) }},
	} {
		s.do()
		addForeign() // those that it has destroyed or changed as well
		slowness.Within(t, time.Second, s.name+": right again", func() {
			eventually(t, longest, func() error {
				if err := differ(t, flows(t, h1), all); err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				return nil
			})
		})
		n.expect(clientServerWant)
	}
}

// match is the part of a printed flow that names it.
func match(flow string) string {
	flow, _, _ = strings.Cut(flow, " actions=")
	return regexp.MustCompile(`cookie=\S+ `).ReplaceAllString(flow, "")
}

// TestPluggedWithoutPolicy: "NIC plugged that the host has no policy for:
// nothing passes but the guard's needs (fail closed)".
func TestPluggedWithoutPolicy(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := dc.newTenant(t)
	n.play("friend")
	vm := n.machine("early", "h1")
	if err := vm.Host.Plug(t.Context(), vm); err != nil {
		t.Fatal(err)
	}
	n.expect("friend -> friend: " + usual)
	// Its account's default group is the friend's: everything passes. Whom a
	// machine could not find before it may have given up for a while.
	for _, p := range n.parties {
		if err := p.Node.NS.IP("neigh flush all"); err != nil {
			t.Fatal(err)
		}
	}
	n.must(n.api.PutInstance(t.Context(), n.account, n.instance("early", "h1"), client.InstanceSpec{}))
	n.putNIC("early", "h1", n.nicSpec("early", "h1"))
	n.expect("* -> *: " + usual)
	// Gone from the policy, gone from the network, plugged or not.
	n.change(func(opts ...client.CallOption) error {
		return n.api.DeleteNIC(t.Context(), n.nic("early", "h1"), opts...)
	})
	n.expect("friend -> friend: " + usual)
}

// TestReadyWithinASecond: a VM that is plugged when its policy is there works
// within a second.
func TestReadyWithinASecond(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := dc.newTenant(t)
	n.play("friend")
	n.define("late", "h2")
	slowness.Within(t, time.Second, "ready after it was plugged", func() { n.plug("late") })
	n.expect("* -> *: " + usual)
}

// TestOverlap: "Same addresses in two domains are legal and must never be
// mixed up": two VPCs with equal addresses, MACs, group names and rules, but
// for one rule.
func TestOverlap(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	var tenants [2]*tenant
	for i := range tenants {
		n := dc.newTenant(t)
		n.macs = "02:0f:00:00:00"
		n.play("client", "server")
		n.groups("client", "server")
		n.join("client", "client")
		n.join("server", "server")
		tenants[i] = n
	}
	open, shut := tenants[0], tenants[1]
	open.rule("server", "in", "ingress all from client")
	var wg sync.WaitGroup
	asked := time.Now()
	wg.Go(func() { open.expectOf("tcp/81 udp/54", "client -> server: tcp/81 udp/54") })
	wg.Go(func() { shut.expectOf("tcp/82 udp/55", "") })
	wg.Wait()
	expectNone(t, shut.parties, asked, func(p *traffic.Packet) bool { return p.DstPort == 81 || p.DstPort == 54 })
	expectNone(t, open.parties, asked, func(p *traffic.Packet) bool { return p.DstPort == 82 || p.DstPort == 55 })
	// What opens one does not open the other, and their connections are two.
	held := open.hold("client@h1", "server", traffic.StreamSpec{})
	shut.rule("server", "in", "ingress all from client")
	theirs := shut.hold("client@h1", "server", traffic.StreamSpec{})
	since := time.Now()
	answered := shut.unrule("server", "in")
	time.Sleep(500 * time.Millisecond) // what must not arrive has its time; TCP tries again after 0.2 s
	for i := range held {
		expectUndisturbed(t, held[i].Stream, held[i].client, held[i].server, since)
		expectCut(t, theirs[i].Stream, theirs[i].client, theirs[i].server, answered)
	}
}

// TestMembersOfTwoDomains: "group only → M(remote_group) in n's routing
// domain": one account, one group, the same address in two VPCs, a member in
// the one and not in the other.
func TestMembersOfTwoDomains(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	one := dc.newTenant(t)
	two := dc.newTenant(t)
	two.account = one.account // a second network, in a VPC of its own
	for _, n := range []*tenant{one, two} {
		n.play("client", "server")
	}
	one.groups("client", "server", "peers")
	one.rule("server", "in", "ingress all from peers")
	for _, n := range []*tenant{one, two} {
		n.join("client", "client")
		n.join("server", "server")
	}
	one.join("peers", "client")
	one.expect("client -> server: " + usual)
	two.expect("")
	two.join("peers", "client@h2")
	one.expect("client -> server: " + usual)
	two.expect("client@h2 -> server: " + usual)
	one.leave("peers", "client")
	one.expect("")
	two.expect("client@h2 -> server: " + usual)
}

func expectNone(t *testing.T, parties []*matrix.Party, since time.Time, match func(*traffic.Packet) bool) {
	t.Helper()
	for _, p := range parties {
		if found := p.Capture.Find(since, match); len(found) > 0 {
			t.Errorf("%d packets that are none of its own are at %s, such as %s", len(found), p.Name(), found[0].String())
		}
	}
}
