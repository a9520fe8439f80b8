package store

import (
	"github.com/ringfence/ringfence/secgroup"

	"github.com/ringfence/ringfence/store/internal/record"
)

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
