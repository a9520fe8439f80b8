package faults

import (
	"context"
	"errors"
	"time"
)

// nicKinds plug and unplug VMs.
func nicKinds() []Kind {
	some := []string{"c1", "c2", "s1", "s2", "x1"}
	return []Kind{
		{Name: "plugged anew in one transaction", Weight: 4, Targets: some, Touches: theMachinesHost, Do: replugged},
		{Name: "unplugged", Weight: 3, Targets: some, Touches: theMachinesHost, Longest: 800 * time.Millisecond, Do: unplugged},
		{Name: "migrated", Weight: 4, Targets: []string{"m"}, Touches: everyHost, Longest: 300 * time.Millisecond, Do: migrated},
		{Name: "plugged at two hosts", Weight: 3, Targets: []string{"m"}, Touches: everyHost, Shortest: 200 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: pluggedTwice},
	}
}

func theMachinesHost(name string) []string { return theHost(machineNamed(name).host) }

func everyHost(string) (parts []string) {
	for _, h := range hostNames {
		parts = append(parts, theHost(h)...)
	}
	return parts
}

// replugged deletes a VM's port and adds it again, and nobody sees it gone.
func replugged(ctx context.Context, w *World, f Fault) error {
	v := w.vms[f.Target]
	from := time.Now()
	err := w.Lab.Host(v.at).Replug(ctx, v.on[v.at])
	w.excuse(excuse{Window: Window{from, time.Now()}, why: f.Kind, of: ofMachine(v.name)})
	return err
}

// unplugged takes a VM's port away for a while.
func unplugged(ctx context.Context, w *World, f Fault) error {
	v := w.vms[f.Target]
	h := w.Lab.Host(v.at)
	from := time.Now()
	err := errors.Join(h.Unplug(ctx, v.on[v.at]), sleep(ctx, f.For), h.Plug(ctx, v.on[v.at]))
	w.excuse(excuse{Window: Window{from, time.Now()}, why: f.Kind, of: ofMachine(v.name)})
	return err
}

// otherHost is where a VM is not.
func (v *vm) otherHost() string {
	for _, h := range hostNames {
		if h != v.at {
			return h
		}
	}
	return v.at
}

// migrated takes a VM from its host and plugs it at another.
func migrated(ctx context.Context, w *World, f Fault) error {
	v, from := w.vms[f.Target], time.Now()
	to := v.otherHost()
	err := errors.Join(v.vanish(v.at), w.Lab.Host(v.at).Unplug(ctx, v.on[v.at]), sleep(ctx, f.For), v.appear(to), w.Lab.Host(to).Plug(ctx, v.on[to]))
	v.at = to
	w.excuse(excuse{Window: Window{from, time.Now()}, why: f.Kind, of: ofMachine(v.name)})
	w.tcpAnew(f, from, ofMachine(v.name))
	return err
}

// pluggedTwice leaves a VM plugged where it was for a while, dead, after it has
// begun to run on the other host. The platform has said before where it goes.
func pluggedTwice(ctx context.Context, w *World, f Fault) error {
	v := w.vms[f.Target]
	old, to := v.at, v.otherHost()
	err := w.mayBeAt(ctx, v, to, old)
	from := time.Now()
	err = errors.Join(err, v.vanish(old), v.appear(to), w.Lab.Host(to).Plug(ctx, v.on[to]))
	v.at = to
	// The old host hears from the store where the VM runs, as soon as that answers.
	_, heard := w.Plane.retried(ctx, "get", "ringfence")
	err = errors.Join(err, heard)
	w.excuse(excuse{Window: Window{from, time.Now()}, why: f.Kind, of: ofMachine(v.name)})
	w.tcpAnew(f, from, ofMachine(v.name))
	err = errors.Join(err, sleep(ctx, f.For), w.Lab.Host(old).Unplug(ctx, v.on[old]), w.mayBeAt(ctx, v))
	w.moving(move{Window{from, time.Now()}, ofMachine(v.name)})
	return err
}

// mayBeAt tells the policy where a VM may be plugged, nothing for anywhere.
func (w *World) mayBeAt(ctx context.Context, v *vm, hosts ...string) error {
	spec := v.spec()
	spec.Hosts = hosts
	return w.Plane.await(ctx, "where "+v.name+" may be", func() error {
		var errs []error
		for _, api := range apiNames {
			_, err := w.Plane.Clients[api].PutNIC(ctx, v.nic(), spec)
			if err == nil {
				return nil
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}
