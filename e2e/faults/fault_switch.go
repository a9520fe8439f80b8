package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/internal/halt"
)

// switchKinds end Open vSwitch's daemons.
func switchKinds() []Kind {
	return []Kind{
		{Name: "ovs-vswitchd restarted", Weight: 4, Targets: hostNames, Touches: theHost, Longest: 300 * time.Millisecond, Do: vswitchd},
		{Name: "ovs-vswitchd stopped", Weight: 3, Targets: hostNames, Touches: theHost, Shortest: 300 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: vswitchdStopped},
		{Name: "ovsdb-server restarted", Weight: 4, Targets: hostNames, Touches: theHost, Longest: time.Second, Do: ovsdbServer},
		{Name: "host rebooted", Weight: 3, Targets: hostNames, Touches: theHost, Longest: time.Second, Do: rebooted},
	}
}

// vswitchd kills ovs-vswitchd and starts it again: its flows and its connections
// are gone, and nothing passes until it is back.
func vswitchd(ctx context.Context, w *World, f Fault) error {
	h := w.Lab.Host(f.Target)
	from := time.Now()
	err := errors.Join(h.KillVswitchd(), sleep(ctx, f.For), h.StartVswitchd(ctx))
	w.forgets(f, f.Target, from)
	w.excuse(excuse{Window: Window{from, time.Now()}, why: f.Kind, of: w.touches(f.Target)})
	return err
}

// vswitchdStopped has it do nothing for a while; it has all it had when it goes
// on.
func vswitchdStopped(ctx context.Context, w *World, f Fault) error {
	pid, from := w.Lab.Host(f.Target).VswitchdPID(), time.Now()
	err := errors.Join(halt.Stop(pid), sleep(ctx, f.For), halt.Continue(pid))
	w.excuse(excuse{Window: Window{from, time.Now()}, why: f.Kind, of: w.touches(f.Target), holds: true})
	return err
}

// ovsdbServer kills the database's server and starts it again. Without it
// ovs-vswitchd does nothing, its userspace datapath included (bridge_run of OVS
// 3.1 returns at once while it does not hold the database's lock), until it has
// connected again, for which it waits 1 to 8 s.
func ovsdbServer(ctx context.Context, w *World, f Fault) error {
	h := w.Lab.Host(f.Target)
	from := time.Now()
	err := errors.Join(h.KillOVSDB(), sleep(ctx, f.For), h.StartOVSDB(ctx))
	// This comes back when ovs-vswitchd has done what the database says.
	_, configured := h.Vsctl(ctx, "set", "open_vswitch", ".", fmt.Sprintf("external_ids:faults=%d", f.Number))
	w.excuse(excuse{Window: Window{from, time.Now()}, why: f.Kind, of: w.touches(f.Target), holds: true})
	return errors.Join(err, configured)
}

// rebooted ends everything on a host, and starts the switch before the
// controller: until that is there and knows the policy, nothing passes.
func rebooted(ctx context.Context, w *World, f Fault) error {
	h, controller := w.Lab.Host(f.Target), "controller-"+f.Target
	from := time.Now()
	err := errors.Join(w.Plane.Process(controller).Kill(), h.KillVswitchd(), h.KillOVSDB(),
		h.StartOVSDB(ctx), h.StartVswitchd(ctx), sleep(ctx, f.For), w.Plane.Start(controller))
	err = errors.Join(err, w.awaitHost(ctx, f.Target))
	w.excuse(excuse{Window: Window{from, time.Now()}, why: f.Kind, of: w.touches(f.Target)})
	w.tcpAnew(f, from, w.touches(f.Target))
	return err
}

// awaitHost returns when a host has applied what the store holds, by the word
// of any API, and said so after now.
func (w *World) awaitHost(ctx context.Context, name string) error {
	called := time.Now()
	return w.Plane.await(ctx, "host "+name, func() error {
		var errs []error
		for _, api := range apiNames {
			host, err := w.Plane.Clients[api].Host(ctx, name)
			if err == nil && host.Connected && host.LastSeen.After(called) && host.AppliedRevision > 0 {
				return nil
			}
			errs = append(errs, err, fmt.Errorf("by %s: connected %t, last seen %s", api, host.Connected, host.LastSeen))
		}
		return errors.Join(errs...)
	})
}
