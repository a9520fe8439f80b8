package faults

import (
	"context"
	"slices"
	"time"
)

// Kind is a kind of fault.
type Kind struct {
	Name    string
	Weight  int // how often it is drawn, in proportion
	Targets []string
	// Touches are the parts of the world that a fault occupies: no other fault
	// of its round may touch them.
	Touches func(target string) []string
	// It lasts from Shortest to Longest.
	Shortest, Longest time.Duration
	// Do breaks something for the time of the fault, and mends it. What it
	// returns is why it could not.
	Do func(ctx context.Context, w *World, f Fault) error
}

// Off is a kind that is not drawn, or a check that is not made, because it is
// known to find what is not mended yet.
type Off struct{ Kind, Why string }

// off are those kinds. The suite prints them; the aim is that there are none.
var off []Off

// What kinds check besides.
const (
	checkBesideUnknown = "writes go on beside an unknown record"
	checkMemberHangs   = "writes go on while a member of etcd hangs"
	checkFullSaid      = "the API says that the store is full"
)

// offChecks are those of them that are not made.
var offChecks = []Off{}

// made tells whether a check is made.
func made(check string) bool {
	return !slices.ContainsFunc(offChecks, func(o Off) bool { return o.Kind == check })
}

// OffLeak are flows that may pass where no rule allows it, by a stated limit or
// because it is not mended yet.
type OffLeak struct {
	Flows, Why string
	of         func(*Flow) bool
}

// offLeaks are those flows.
var offLeaks = []OffLeak{
	{"both ends send, at two hosts, and both may send to everybody", "the limit that docs/semantics.md states: each end takes what comes for the reply to its own",
		func(f *Flow) bool { return f.Both && f.To != "s2" && across(f) }},
}

// On are the kinds that are drawn, in a world with relays or without.
func On(relays bool) (kinds []Kind) {
	for _, k := range allKinds() {
		if ofRelays(k) && !relays {
			continue
		}
		if !slices.ContainsFunc(off, func(o Off) bool { return o.Kind == k.Name }) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// allKinds are all kinds.
func allKinds() []Kind {
	var all []Kind
	for _, some := range [][]Kind{processKinds(), storeKinds(), linkKinds(), switchKinds(), flowKinds(), nicKinds(), relayKinds()} {
		all = append(all, some...)
	}
	return all
}

// Parts of the world.
var (
	hostNames = []string{"h1", "h2"}
	apiNames  = []string{"api1", "api2"}
	etcdNames = []string{"etcd1", "etcd2", "etcd3"}
)

// itself says that a fault touches its target alone.
func itself(target string) []string { return []string{target} }

// theHost says that a fault touches all there is on a host.
func theHost(target string) []string {
	return []string{"controller-" + target, "switch-" + target}
}

// theStore says that a fault touches all of etcd.
func theStore(string) []string { return etcdNames }

func controllerNames() (names []string) {
	for _, h := range hostNames {
		names = append(names, "controller-"+h)
	}
	return names
}

// sleep waits, unless the round is over.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
