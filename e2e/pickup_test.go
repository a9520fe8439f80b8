package e2e

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/internal/traffic"
)

// TestBothHostsPickUp: where conntrack was lost at both hosts at once, nobody knows
// any more who began. TCP that is allowed goes on all the same, within a host and
// between them, whichever end is the client's host and whichever end sends; TCP that
// is known to be cut does not.
func TestBothHostsPickUp(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := dc.newTenant(t)
	n.play("client", "friend", "server")
	here := time.Now()
	n.groups("client", "friend", "server")
	for _, role := range []string{"client", "friend", "server"} {
		n.join(role, role)
	}
	n.rule("server", "client", "ingress tcp 20000-21000 from client")
	n.rule("server", "friend", "ingress tcp 20000-21000 from friend")
	port := uint16(20000)
	streams := func(role string) (open []held) {
		for _, from := range hosts {
			for _, to := range hosts {
				for _, family := range []int{4, 6} {
					for _, spec := range []traffic.StreamSpec{{}, {SilentClient: true}, {SilentServer: true}} {
						port++
						spec.Every = 40 * time.Millisecond
						h := held{client: n.party(role + "@" + from), server: n.party("server@" + to)}
						h.Stream = openStream(t, h.client, h.server, "tcp", family, port, spec)
						open = append(open, h)
					}
				}
			}
		}
		return open
	}
	kept, cut := streams("client"), streams("friend")
	answered := n.unrule("server", "friend")
	// docs/semantics.md: nothing is picked up of a NIC that came to its host less than
	// 15 s before.
	time.Sleep(time.Until(here.Add(16 * time.Second)))
	began, machine := time.Now(), slowness.Start(t)
	var restarts sync.WaitGroup
	for _, host := range hosts {
		h := dc.lab.Host(host)
		restarts.Go(func() {
			if err := errors.Join(h.KillVswitchd(), h.StartVswitchd(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	restarts.Wait()
	again := time.Now()
	eventually(t, longest, func() error {
		for _, s := range kept {
			if !s.Spec.SilentClient && s.ToServer.Last().Before(again) || !s.Spec.SilentServer && s.ToClient.Last().Before(again) {
				return fmt.Errorf("%s > %s %s, client silent %t, server silent %t: has not survived", s.client.Name(), s.server.Name(), s.Spec.Dst, s.Spec.SilentClient, s.Spec.SilentServer)
			}
		}
		return nil
	})
	took := time.Since(again)
	t.Logf("all go on %s after both switches were back", took.Round(time.Millisecond))
	// TCP tries again after no longer than it has been without an answer.
	if err := machine.Hold(3*time.Second+2*again.Sub(began), took); err != nil {
		t.Error(err)
	}
	time.Sleep(2 * time.Second) // for those that are cut to be tried again
	for _, s := range cut {
		expectCut(t, s.Stream, s.client, s.server, answered)
	}
}
