package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/internal/traffic"
)

// TestRelays: hosts that have their share of the policy from relays enforce what is
// written within a second, also when the relay goes in the middle of that; leave one
// that hangs for one that answers; and enforce what they knew last when they start
// while everything else is away, until they are told better.
func TestRelays(t *testing.T) {
	t.Parallel()
	dc := newRelayedDatacentre(t, 2)
	n := dc.newTenant(t)
	n.play("client", "server")
	n.groups("client", "server")
	n.join("client", "client")
	n.join("server", "server")
	all := "client -> server: " + usual
	n.expect("")
	slowness.Within(t, time.Second, "a rule is in force", func() { n.rule("server", "in", "ingress all from client") })
	n.expect(all)
	revoked := func(what string, within time.Duration, before, meanwhile func() error) {
		t.Helper()
		n.rule("server", "in", "ingress all from client")
		held := n.hold("client@h1", "server", traffic.StreamSpec{})
		for _, h := range held {
			h.expectAlive(t)
		}
		if err := before(); err != nil {
			t.Fatal(err)
		}
		harmed := make(chan error, 1)
		go func() { harmed <- meanwhile() }()
		var answered time.Time
		slowness.Within(t, within, what+": a rule is out of force", func() { answered = n.unrule("server", "in") })
		if err := <-harmed; err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond) // what must not arrive has its time; TCP tries again after 0.2 s
		for _, h := range held {
			expectCut(t, h.Stream, h.client, h.server, answered)
			_ = h.Stream.Close() // the next ones have its port
		}
	}
	nothing := func() error { return nil }
	revoked("all is well", time.Second, nothing, nothing)
	// Each host has its stream at one of the two.
	for i := range 2 {
		revoked(fmt.Sprintf("relay %d is killed", i), time.Second, nothing, func() error { return dc.stack.Relay(i).Kill() })
		if err := dc.stack.RestartRelay(i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		revoked(fmt.Sprintf("relay %d hangs", i), 4*time.Second, func() error { return dc.stack.Relay(i).Pause() }, nothing)
		if err := dc.stack.Relay(i).Resume(); err != nil {
			t.Fatal(err)
		}
	}
	n.expect("")

	n.rule("server", "in", "ingress all from client")
	n.expect(all)
	eventually(t, longest, func() error {
		if !dc.stack.Kept("h2") {
			return errors.New("the host has not kept its share")
		}
		return nil
	})
	h2 := dc.lab.Host("h2")
	before := flows(t, h2)
	var gone error
	for _, p := range []interface{ Kill() error }{dc.stack.Relay(0), dc.stack.Relay(1), dc.stack.API(), dc.stack.Etcd(), dc.stack.Controller("h2")} {
		gone = errors.Join(gone, p.Kill())
	}
	if err := errors.Join(gone, h2.KillVswitchd(), h2.StartVswitchd(t.Context()), dc.stack.RestartController("h2")); err != nil {
		t.Fatal(err)
	}
	eventually(t, longest, func() error {
		if !strings.Contains(dc.stack.Controller("h2").Log(), "stale: nobody says what the policy is") {
			return errors.New("the host does not say that it is stale")
		}
		return nil
	})
	expectFlows(t, h2, before)
	n.expect(all)
	if err := dc.stack.StartEtcd(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(dc.stack.RestartRelay(0), dc.stack.RestartRelay(1), dc.stack.RestartAPI(), dc.stack.AwaitAPI(t.Context())); err != nil {
		t.Fatal(err)
	}
	n.unrule("server", "in")
	n.expect("")
}

// TestRevocationThroughRelays is a few of TestRevocation, by hosts that go through
// relays.
func TestRevocationThroughRelays(t *testing.T) {
	t.Parallel()
	dc := newRelayedDatacentre(t, 1)
	for _, r := range revocations {
		switch r.name {
		case "rule deleted while the client lets all in", "membership of the remote group", "egress rule deleted":
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				r.run(t, dc)
			})
		}
	}
}
