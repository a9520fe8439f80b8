package store

import (
	"maps"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/record"
)

// dependencies are what a transaction relies on besides the objects it
// changes. Every plan was made of a snapshot at one revision R; "unmoved"
// means: not written after R.
//
//	change of                      serial            in use by         needs
//	account, instance              its account
//	attachment                     its account, the NIC's
//	group                          its account,      listed networks   listed networks
//	                               those its rules name
//	nic                            its account       its network       its network, itself
//	  new, or of another MAC
//	  or network                   its MACs          its segment       its segment as to networks
//	network                        all networks                        its users, itself
//	  that moves to a segment                        its segment       its segment as to NICs
//	baseline                       the baseline
//
// Two changes with a serial guard in common happen one after the other, the
// later one planned with the earlier in sight: names stay unique, a group is
// not deleted while something is attached to it or a rule begins to name it.
// NICs of different accounts have none in common and never hold each other up:
// each leaves a mark that it uses its network, which changes of that network
// must find unmoved, and needs the network's own key as it was. That no two of
// them take one address is for claims. Those that take one MAC, in whatever
// segment, have its guard in common; and a NIC that comes to a segment and a
// network that moves there hold each other up, for the network brings its NICs.
type dependencies struct {
	serial map[string]struct{} // guards that must be unmoved, and are written
	marked map[string]struct{} // guards that are written
	users  map[string]struct{} // guards that must be unmoved
	ended  map[string]struct{} // guards that must be unmoved, and are deleted
	needed map[secgroup.Key]struct{}
}

// dependenciesOf is the one place that says what may race with what.
func dependenciesOf(l record.Layout, before *secgroup.Snapshot, changes []secgroup.Change) dependencies {
	d := dependencies{map[string]struct{}{}, map[string]struct{}{}, map[string]struct{}{}, map[string]struct{}{}, map[secgroup.Key]struct{}{}}
	d.segments(l, before, changes)
	for _, c := range changes {
		for _, o := range []secgroup.Object{before.Get(c.Key), c.Object} {
			switch o := o.(type) {
			case *secgroup.Account:
				d.serial[l.AccountGuard(o.ID)] = struct{}{}
			case *secgroup.Instance:
				d.serial[l.AccountGuard(o.Account)] = struct{}{}
			case *secgroup.Attachment:
				d.serial[l.AccountGuard(o.Group.Account)] = struct{}{}
				if o.Holder != "" {
					d.serial[l.AccountGuard(o.Holder)] = struct{}{}
				}
			case *secgroup.Group:
				d.serial[l.AccountGuard(o.Account)] = struct{}{}
				for i := range o.Rules {
					if r := o.Rules[i].RemoteGroup; r.ID != "" {
						d.serial[l.AccountGuard(r.Account)] = struct{}{}
					}
				}
			case *secgroup.NIC:
				d.serial[l.AccountGuard(o.Account)] = struct{}{}
				d.needed[c.Key] = struct{}{}
			case *secgroup.Network:
				d.serial[l.NetworksGuard()] = struct{}{}
				d.users[l.NetworkUse(o.ID)] = struct{}{}
				d.needed[c.Key] = struct{}{}
			case *secgroup.Baseline:
				d.serial[l.BaselineGuard()] = struct{}{}
			}
		}
		switch o := c.Object.(type) {
		case *secgroup.Group:
			for _, n := range o.Networks {
				d.uses(l, n)
			}
		case *secgroup.NIC:
			d.uses(l, o.Network)
		}
	}
	return d
}

func (d *dependencies) uses(l record.Layout, network string) {
	d.needed[secgroup.NetworkKey(network)] = struct{}{}
	d.marked[l.NetworkUse(network)] = struct{}{}
}

// sortedKeys makes transactions the same from run to run.
func sortedKeys(sets ...map[string]struct{}) []string {
	all := map[string]struct{}{}
	for _, s := range sets {
		maps.Copy(all, s)
	}
	return slices.Sorted(maps.Keys(all))
}

// segments adds what a transaction relies on so that a MAC stays one NIC's in
// each segment.
func (d *dependencies) segments(l record.Layout, before *secgroup.Snapshot, changes []secgroup.Change) {
	networks := map[string]*secgroup.Network{} // as they will be; absent = as before
	nics := map[string]*secgroup.NIC{}         // the changed ones, nil = deleted
	for _, c := range changes {
		switch c.Key.Kind {
		case secgroup.KindNetwork:
			n, _ := c.Object.(*secgroup.Network)
			networks[c.Key.ID] = n
			old := before.Network(c.Key.ID)
			if old != nil && n != nil && old.Segment() != n.Segment() {
				d.users[l.SegmentUse(n.Segment())] = struct{}{}
				d.marked[l.SegmentGuard(n.Segment())] = struct{}{}
			}
		case secgroup.KindNIC:
			nics[c.Key.ID], _ = c.Object.(*secgroup.NIC)
		default: // no MAC is in it
		}
	}
	macs := map[secgroup.MAC]int{} // that NICs take or leave, and how many of the changed ones have it
	for id, n := range nics {
		old := before.NIC(id)
		if old != nil && n != nil && old.MAC == n.MAC && old.Network == n.Network {
			continue
		}
		if old != nil {
			macs[old.MAC] += 0
		}
		if n == nil {
			continue
		}
		macs[n.MAC]++
		network, changed := networks[n.Network]
		if !changed {
			network = before.Network(n.Network)
		}
		if network != nil { // else the claims refuse it
			d.users[l.SegmentGuard(network.Segment())] = struct{}{}
			d.marked[l.SegmentUse(network.Segment())] = struct{}{}
		}
	}
	for m, held := range macs {
		for _, n := range before.NICsByMAC(m) {
			if now, changed := nics[n.ID]; !changed || now != nil && now.MAC == m {
				held++
			}
		}
		if held > 0 {
			d.serial[l.MACGuard(m)] = struct{}{}
		} else {
			d.ended[l.MACGuard(m)] = struct{}{}
		}
	}
}
