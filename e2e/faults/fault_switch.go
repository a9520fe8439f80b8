package faults

import (
	"context"
	"errors"
	"time"
)

// switchKinds end Open vSwitch's daemons.
func switchKinds() []Kind {
	return []Kind{
		{Name: "ovs-vswitchd restarted", Weight: 4, Targets: hostNames, Touches: theHost, Longest: 300 * time.Millisecond, Do: vswitchd},
		{Name: "ovsdb-server restarted", Weight: 4, Targets: hostNames, Touches: theHost, Longest: time.Second, Do: ovsdbServer},
	}
}

// vswitchd kills ovs-vswitchd and starts it again: its flows and its connections
// are gone, and nothing passes until it is back.
func vswitchd(ctx context.Context, w *World, f Fault) error {
	h := w.Lab.Host(f.Target)
	from := time.Now()
	err := errors.Join(h.KillVswitchd(), sleep(ctx, f.For), h.StartVswitchd(ctx))
	w.excuse(excuse{Window: Window{from, time.Now()}, why: f.Kind, of: w.touches(f.Target)})
	return err
}

// ovsdbServer kills the database's server and starts it again.
func ovsdbServer(ctx context.Context, w *World, f Fault) error {
	h := w.Lab.Host(f.Target)
	return errors.Join(h.KillOVSDB(), sleep(ctx, f.For), h.StartOVSDB(ctx))
}
