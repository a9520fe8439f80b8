package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
		{Name: "etcd member hangs", Weight: 2, Targets: etcdNames, Touches: theStore, Shortest: 4 * time.Second, Longest: 8 * time.Second, Do: hangs},
		{Name: "etcd quorum lost", Weight: 3, Targets: etcdNames, Touches: theStore, Shortest: 300 * time.Millisecond, Longest: 2 * time.Second, Do: othersKilled},
		{Name: "control plane killed", Weight: 2, Targets: []string{"all"}, Touches: controlPlane, Shortest: 300 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: allKilled},
		{Name: "impostor", Weight: 3, Targets: hostNames, Touches: theHost, Shortest: time.Second, Longest: 3 * time.Second, Do: impostor},
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
	if err := w.Plane.Pause(f.Target); err != nil {
		return err
	}
	return errors.Join(sleep(ctx, f.For), w.Plane.Resume(f.Target))
}

// hangs has a member of etcd do nothing for so long that nobody can wait for
// it: writes must go to another one. If it leads, etcd has to choose another leader
// first, for which it takes a second or two, and now and then twice that.
func hangs(ctx context.Context, w *World, f Fault) error {
	if err := w.Plane.Pause(f.Target); err != nil {
		return err
	}
	end := time.Now().Add(f.For)
	var err error
	if made(checkMemberHangs) {
		err = w.expectWrite(ctx, func(ctx context.Context) error { return w.Plane.writesWithout(ctx, f.Target) })
	}
	return errors.Join(err, sleep(ctx, time.Until(end)), w.Plane.Resume(f.Target))
}

// othersKilled leaves one member of etcd alone.
func othersKilled(ctx context.Context, w *World, f Fault) (err error) {
	away := time.Now()
	others := slices.DeleteFunc(slices.Clone(etcdNames), func(name string) bool { return name == f.Target })
	for _, name := range others {
		err = errors.Join(err, w.Plane.Process(name).Kill())
	}
	err = errors.Join(err, sleep(ctx, f.For))
	for _, name := range others {
		err = errors.Join(err, w.Plane.Start(name))
	}
	return errors.Join(err, w.storeIsAway(ctx, away))
}

// controlPlane says that a fault touches every process but Open vSwitch's.
func controlPlane(string) (parts []string) {
	return slices.Concat(controllerNames(), apiNames, relayNames, etcdNames)
}

// allKilled ends the whole control plane, and starts it in any order. What
// passes goes on.
func allKilled(ctx context.Context, w *World, f Fault) (err error) {
	all := slices.DeleteFunc(controlPlane(""), func(name string) bool { return w.Plane.Process(name) == nil })
	away := time.Now()
	for _, name := range all {
		err = errors.Join(err, w.Plane.Process(name).Kill())
	}
	err = errors.Join(err, sleep(ctx, f.For))
	rand.New(rand.NewPCG(f.Salt, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, name := range all {
		err = errors.Join(err, w.Plane.Start(name))
	}
	return errors.Join(err, w.storeIsAway(ctx, away))
}

// impostor runs the controller of another machine under a host's name, while
// the host's own does nothing: nobody may say that the host has applied
// anything.
func impostor(ctx context.Context, w *World, f Fault) error {
	own := "controller-" + f.Target
	if err := w.Plane.Pause(own); err != nil {
		return err
	}
	program := slices.Clone(w.Plane.sites[own].program)
	for i, arg := range program {
		if strings.HasPrefix(arg, "--ovsdb=") {
			program[i] = "--ovsdb=" + w.Lab.Host(spareHost).DBAddr()
		}
	}
	p, err := w.Plane.Run(fmt.Sprintf("impostor-%d", f.Number), own, program...)
	if err != nil {
		return errors.Join(err, w.Plane.Resume(own))
	}
	return errors.Join(sleep(ctx, f.For), p.Kill(), w.Plane.Resume(own))
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
