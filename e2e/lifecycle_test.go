package e2e

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/flowwatch"
	"github.com/ringfence/ringfence/internal/traffic"
)

// newClientServer makes a tenant with a client that may reach the server's tcp/80 and
// the held streams' ports, and a stranger who may not; everyone may ping.
func newClientServer(t *testing.T, dc *datacentre) *tenant {
	t.Helper()
	n := dc.newTenant(t)
	n.play("client", "server", "stranger")
	n.groups("client", "server", "stranger", "peers")
	n.join("client", "client")
	n.join("peers", "client")
	n.join("server", "server")
	n.join("stranger", "stranger")
	n.rule("server", "in", "ingress tcp 80 from peers")
	n.rule("server", "tcp", "ingress tcp 20000-21000 from peers")
	n.rule("server", "udp", "ingress udp 20000-21000 from peers")
	n.rule("server", "ping", "ingress icmp from 10.0.0.0/24")
	n.expect(clientServerWant)
	return n
}

const clientServerWant = "client -> server: tcp/80 icmp4\n* -> server: icmp4"

// TestControllerKilled: "controller stops, is killed, is upgraded: flows stay,
// traffic and open connections are untouched; on start it reads the flows
// back, adopts, and changes only what differs".
func TestControllerKilled(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := newClientServer(t, dc)
	held := n.hold("client@h1", "server", traffic.StreamSpec{})
	before := map[string][]string{}
	watches := map[string]*flowwatch.Watch{}
	for _, h := range hosts {
		before[h] = flows(t, dc.lab.Host(h))
		watches[h] = watch(t, dc.lab.Host(h))
	}
	since := time.Now()
	for _, h := range hosts {
		if err := dc.stack.Controller(h).Kill(); err != nil {
			t.Fatal(err)
		}
	}
	n.expect(clientServerWant)
	for _, h := range hosts {
		if err := dc.stack.RestartController(h); err != nil {
			t.Fatal(err)
		}
	}
	n.awaitApplied()
	n.expect(clientServerWant)
	for _, h := range hosts {
		expectFlows(t, dc.lab.Host(h), before[h])
		changed := map[string]bool{}
		for _, e := range watches[h].Events() {
			if !temporary(e.Text) {
				changed[e.Text] = true
			}
		}
		// One flow may be put in its place again to wake the revalidators.
		if len(changed) > 1 {
			t.Errorf("host %s: %d flows were changed by the restart: %v", h, len(changed), slices.Collect(maps.Keys(changed)))
		}
	}
	for _, s := range held {
		expectUndisturbed(t, s.Stream, s.client, s.server, since)
	}
}

// TestChangeWhileControllerIsAway: what was changed in between is in force
// when the controller is back, and holds for open connections, too.
func TestChangeWhileControllerIsAway(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := newClientServer(t, dc)
	n.groups("more")
	cut := n.hold("client@h1", "server", traffic.StreamSpec{}, traffic.StreamSpec{SilentClient: true})
	kept := n.hold("client@h2", "server", traffic.StreamSpec{})
	since := time.Now()
	for _, h := range hosts {
		if err := dc.stack.Controller(h).Stop(); err != nil {
			t.Fatal(err)
		}
	}
	// Nobody is there to wait for.
	n.must(nil, n.api.DetachNIC(t.Context(), n.account, n.nic("client", "h1"), "peers"))
	var meta client.Meta
	err := n.api.AttachNIC(t.Context(), n.account, n.nic("stranger", "h2"), "peers", client.Wait(time.Second), client.Into(&meta))
	if err != nil || meta.Status != http.StatusAccepted || meta.Realization == nil || len(meta.Realization.Lagging) == 0 {
		t.Errorf("a change that no controller could apply was answered %d, %v, %+v", meta.Status, err, meta.Realization)
	}
	for _, s := range cut {
		expectUndisturbed(t, s.Stream, s.client, s.server, since)
	}
	for _, h := range hosts {
		if err := dc.stack.RestartController(h); err != nil {
			t.Fatal(err)
		}
	}
	n.awaitApplied()
	applied := time.Now()
	time.Sleep(time.Second) // what must not arrive has its time; TCP tries again after 0.2 and 0.6 s
	for _, s := range cut {
		expectCut(t, s.Stream, s.client, s.server, applied)
	}
	for _, s := range kept {
		expectUndisturbed(t, s.Stream, s.client, s.server, since)
	}
	n.expect("client@h2 -> server: tcp/80\nstranger@h2 -> server: tcp/80\n* -> server: icmp4")
}

// TestStoreLost: "store (etcd) lost: hosts keep their last state; reported
// stale; API answers 503 store-unavailable with Retry-After".
func TestStoreLost(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := newClientServer(t, dc)
	held := n.hold("client@h1", "server", traffic.StreamSpec{})
	before := map[string][]string{}
	for _, h := range hosts {
		before[h] = flows(t, dc.lab.Host(h))
	}
	since := time.Now()
	if err := dc.stack.Etcd().Kill(); err != nil {
		t.Fatal(err)
	}
	n.expect(clientServerWant)
	err := n.api.DetachNIC(t.Context(), n.account, n.nic("client", "h1"), "peers")
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable || p.Code != "store-unavailable" || p.RetryAfter == 0 {
		t.Errorf("a write without a store: %v", err)
	}
	eventually(t, longest, func() error { // /readyz tells it, too
		if err := n.api.Ready(t.Context()); err == nil {
			return errors.New("the API says that it is ready")
		}
		return nil
	})
	for _, h := range hosts {
		expectFlows(t, dc.lab.Host(h), before[h])
	}
	for _, s := range held {
		expectUndisturbed(t, s.Stream, s.client, s.server, since)
	}
	if err := dc.stack.StartEtcd(); err != nil {
		t.Fatal(err)
	}
	eventually(t, longest, func() error { return n.api.Ready(t.Context()) })
	n.expect(clientServerWant)
	n.awaitApplied()
	answered := n.leave("peers", "client@h1")
	n.expect("client@h2 -> server: tcp/80\n* -> server: icmp4")
	for _, s := range held {
		expectCut(t, s.Stream, s.client, s.server, answered)
	}
}

// TestAPIKilled: the API holds no state.
func TestAPIKilled(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := newClientServer(t, dc)
	if err := dc.stack.API().Kill(); err != nil {
		t.Fatal(err)
	}
	n.expect(clientServerWant)
	if err := dc.stack.RestartAPI(); err != nil {
		t.Fatal(err)
	}
	if err := dc.stack.AwaitAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.leave("peers", "client@h1")
	n.expect("client@h2 -> server: tcp/80\n* -> server: icmp4")
}

// TestSlowHost: "Prefer: wait … late → 202 with realization {state,
// lagging[]}. Never 5xx for a slow host." And never in force when it is not.
func TestSlowHost(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := newClientServer(t, dc)
	slow := dc.stack.Controller("h2")
	if err := slow.Pause(); err != nil {
		t.Fatal(err)
	}
	var meta client.Meta
	err := n.api.AttachNIC(t.Context(), n.account, n.nic("stranger", "h1"), "peers", client.Wait(time.Second), client.Into(&meta))
	switch {
	case err != nil:
		t.Error(err)
	case meta.Status != http.StatusAccepted || meta.Realization == nil:
		t.Errorf("status %d, %+v", meta.Status, meta.Realization)
	case !slices.ContainsFunc(meta.Realization.Lagging, func(l client.LaggingHost) bool { return l.Host == "h2" }):
		t.Errorf("h2 is not among the lagging: %+v", meta.Realization)
	}
	n.expect("client -> server: tcp/80\nstranger@h1 -> server@h1: tcp/80\n* -> server: icmp4")
	if err := slow.Resume(); err != nil {
		t.Fatal(err)
	}
	r, err := n.api.Realization(t.Context(), meta.Revision, longest)
	if err != nil || r.State != "realized" {
		t.Errorf("after it goes on: %+v, %v", r, err)
	}
	n.expect("client -> server: tcp/80\nstranger@h1 -> server: tcp/80\n* -> server: icmp4")
}

// awaitApplied waits until every controller, those just started included, has
// applied the latest revision.
func (n *tenant) awaitApplied() {
	n.t.Helper()
	called := time.Now()
	eventually(n.t, 2*longest, func() error {
		for _, h := range hosts {
			host, err := n.api.Host(n.t.Context(), h)
			if err != nil {
				return err
			}
			if !host.Alive || host.LastSeen.Before(called) {
				return fmt.Errorf("host %s: alive %t, last seen %s", h, host.Alive, host.LastSeen)
			}
		}
		r, err := n.api.Realization(n.t.Context(), 0, time.Second)
		if err == nil && r.State != "realized" {
			err = fmt.Errorf("realization %+v", r)
		}
		return err
	})
}
