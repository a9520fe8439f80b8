package faults

import (
	"context"
	"errors"
	"os"
	"time"
)

// storeKinds are what befalls a store that runs.
func storeKinds() []Kind {
	all := []string{"etcd"}
	return []Kind{
		{Name: "compaction", Weight: 3, Targets: all, Touches: theStore, Do: compaction},
		{Name: "store full", Weight: 3, Targets: all, Touches: theStore, Shortest: 500 * time.Millisecond, Longest: 2 * time.Second, Do: full},
		{Name: "store restored", Weight: 3, Targets: all, Touches: theStore, Shortest: 300 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: restored},
		{Name: "store restored while all are down", Weight: 2, Targets: all, Touches: controlPlane, Shortest: 300 * time.Millisecond, Longest: 1500 * time.Millisecond, Do: restoredWhileDown},
		{Name: "unknown record", Weight: 3, Targets: all, Touches: theStore, Shortest: 500 * time.Millisecond, Longest: 2 * time.Second, Do: unknownRecord},
		{Name: "record in use unreadable", Weight: 3, Targets: recordsInUse, Touches: theStore, Shortest: 500 * time.Millisecond, Longest: 2 * time.Second, Do: unreadable},
	}
}

// compaction throws away the store's history.
func compaction(ctx context.Context, w *World, _ Fault) error { return w.Plane.Compact(ctx) }

// full has the store refuse to grow, as when its quota is used up.
func full(ctx context.Context, w *World, f Fault) error {
	// etcdctl cannot raise an alarm, but etcd's gateway can: alarm 1 is NOSPACE.
	if err := w.Plane.raiseNoSpace(ctx); err != nil {
		return err
	}
	err := errors.Join(w.expectFull(ctx), sleep(ctx, f.For))
	_, disarm := w.Plane.retried(ctx, "alarm", "disarm")
	return errors.Join(err, disarm)
}

// restored puts the store back to what it was a moment ago, under the token
// that it had: what was written since is lost, and everybody must notice.
func restored(ctx context.Context, w *World, f Fault) error { return w.putBack(ctx, f) }

// restoredWhileDown does so while nobody is there to see it.
func restoredWhileDown(ctx context.Context, w *World, f Fault) error {
	return w.putBack(ctx, f, append(controllerNames(), apiNames...)...)
}

// putBack puts the store back while some processes are down.
func (w *World) putBack(ctx context.Context, f Fault, down ...string) error {
	file := w.Plane.snapshotFile(f)
	defer os.Remove(file)
	before := time.Now()
	if err := w.Plane.Snapshot(ctx, file); err != nil {
		return err
	}
	err := sleep(ctx, f.For)
	for _, name := range down {
		err = errors.Join(err, w.Plane.Process(name).Kill())
	}
	away := time.Now()
	err = errors.Join(err, w.Plane.Restore(ctx, file))
	w.lost(before)
	err = errors.Join(err, w.storeIsAway(ctx, away))
	for _, name := range down {
		err = errors.Join(err, w.Plane.Start(name))
	}
	return err
}

// unknownRecord writes an object that no version knows, beside the others.
func unknownRecord(ctx context.Context, w *World, f Fault) error {
	records := [][2]string{
		{"groups/" + accountID + "/odd", `{"v":1,"name":"odd","egress":"auto","scope":"any","from_the_future":{"deny":true}}`},
		{"groups/" + accountID + "/odd", `{"v":99,"whatever":1}`},
		{"groups/" + accountID + "/odd", `not JSON`},
		{"nics/odd", `{"v":99}`},
		{"nics/odd", `{}`},
		{"gadgets/" + accountID + "/odd", `{"v":1}`},
	}
	record := records[f.Salt%uint64(len(records))]
	key := policyKeys + record[0]
	if _, err := w.Plane.retried(ctx, "put", key, record[1]); err != nil {
		return err
	}
	var err error
	if made(checkBesideUnknown) {
		err = w.expectWrite(ctx, func(context.Context) error { return nil })
	}
	err = errors.Join(err, sleep(ctx, f.For))
	_, removed := w.Plane.retried(ctx, "del", key)
	return errors.Join(err, removed)
}

// policyKeys is what the keys of all objects of the policy begin with.
const policyKeys = "/ringfence/v1/policy/"

// recordsInUse are records that others depend on, and that no slot writes.
var recordsInUse = []string{
	"groups/" + accountID + "/client", "groups/" + accountID + "/listed", "groups/" + accountID + "/stranger",
	"nics/nic-c1", "nics/nic-s2", "attachments/" + accountID + "/listed/nic/nic-s2", "networks/" + networkID,
}

// unreadable makes a record one of a version that nobody knows, or no record at
// all, for a while. What it allows may be cut meanwhile, but nothing may be
// let through that was not before.
func unreadable(ctx context.Context, w *World, f Fault) error {
	from := time.Now()
	err := w.Plane.replaceFor(ctx, policyKeys+f.Target, [][]byte{[]byte(`{"v":99}`), []byte("not JSON"), []byte(`{"v":1,"min_reader":99}`)}[f.Salt%3], f.For)
	w.excuse(excuse{Window: Window{from, time.Now()}, why: f.Kind, of: func(*Flow) bool { return true }})
	return err
}
