package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// processKinds end, stop and double processes of the control plane.
func processKinds() []Kind {
	return []Kind{
		{Name: "API killed", Weight: 4, Targets: apiNames, Touches: itself, Shortest: 300 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: killed},
		{Name: "API stopped", Weight: 3, Targets: apiNames, Touches: itself, Shortest: 300 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: stopped},
		{Name: "controller killed", Weight: 8, Targets: controllerNames(), Touches: itself, Shortest: 100 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: killed},
		{Name: "controller stopped", Weight: 5, Targets: controllerNames(), Touches: itself, Shortest: 300 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: stopped},
		{Name: "etcd member killed", Weight: 4, Targets: etcdNames, Touches: theStore, Shortest: 300 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: killed},
		{Name: "etcd member stopped", Weight: 4, Targets: etcdNames, Touches: theStore, Shortest: 300 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: stopped},
		{Name: "etcd quorum lost", Weight: 3, Targets: etcdNames, Touches: theStore, Shortest: 300 * time.Millisecond, Longest: 2 * time.Second, Do: othersKilled},
		{Name: "twin controller", Weight: 3, Targets: hostNames, Touches: theHost, Shortest: 500 * time.Millisecond, Longest: 2 * time.Second, Do: twin},
	}
}

// killed ends a process with SIGKILL and starts it again.
func killed(ctx context.Context, w *World, f Fault) error {
	if err := w.Plane.Process(f.Target).Kill(); err != nil {
		return err
	}
	return errors.Join(sleep(ctx, f.For), w.Plane.Start(f.Target))
}

// stopped has a process do nothing for a while.
func stopped(ctx context.Context, w *World, f Fault) error {
	if err := w.Plane.Signal(f.Target, syscall.SIGSTOP); err != nil {
		return err
	}
	return errors.Join(sleep(ctx, f.For), w.Plane.Signal(f.Target, syscall.SIGCONT))
}

// othersKilled leaves one member of etcd alone.
func othersKilled(ctx context.Context, w *World, f Fault) (err error) {
	others := slices.DeleteFunc(slices.Clone(etcdNames), func(name string) bool { return name == f.Target })
	for _, name := range others {
		err = errors.Join(err, w.Plane.Process(name).Kill())
	}
	err = errors.Join(err, sleep(ctx, f.For))
	for _, name := range others {
		err = errors.Join(err, w.Plane.Start(name))
	}
	return err
}

// twin runs a second controller of a host's name on its bridge.
func twin(ctx context.Context, w *World, f Fault) error {
	seat := "controller-" + f.Target
	p, err := w.Plane.Run(fmt.Sprintf("twin-%d", f.Number), seat, w.Plane.sites[seat].program...)
	if err != nil {
		return err
	}
	return errors.Join(sleep(ctx, f.For), p.Kill())
}
