package faults

import (
	"context"
	"errors"
	"time"
)

// linkKinds pull links: a process's to all others, or a host's to all hosts.
func linkKinds() []Kind {
	return []Kind{
		{Name: "API cut off", Weight: 3, Targets: apiNames, Touches: itself, Shortest: 500 * time.Millisecond, Longest: 3 * time.Second, Do: cutOff},
		{Name: "controller cut off", Weight: 5, Targets: controllerNames(), Touches: itself, Shortest: 500 * time.Millisecond, Longest: 3 * time.Second, Do: cutOff},
		{Name: "etcd member cut off", Weight: 4, Targets: etcdNames, Touches: theStore, Shortest: 500 * time.Millisecond, Longest: 3 * time.Second, Do: cutOff},
		{Name: "host cut off", Weight: 3, Targets: hostNames, Touches: func(host string) []string { return []string{"uplink-" + host} },
			Shortest: 300 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: uplinkDown},
	}
}

// cutOff pulls a process's link.
func cutOff(ctx context.Context, w *World, f Fault) error {
	if err := w.Plane.Link(f.Target, false); err != nil {
		return err
	}
	return errors.Join(sleep(ctx, f.For), w.Plane.Link(f.Target, true))
}

// uplinkDown pulls a host's uplink: what its VMs say to others gets lost.
func uplinkDown(ctx context.Context, w *World, f Fault) error {
	from := time.Now()
	if err := w.Lab.Host(f.Target).Connect(false); err != nil {
		return err
	}
	err := errors.Join(sleep(ctx, f.For), w.Lab.Host(f.Target).Connect(true))
	w.excuse(excuse{Window: Window{from, time.Now()}, why: f.Kind, of: across})
	return err
}
