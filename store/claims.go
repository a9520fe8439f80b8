package store

import (
	"fmt"
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
)

// claim is an address in a routing domain, which one NIC at most may have. It
// is a key in etcd, made and deleted with the NIC, so that NICs of different
// accounts can be written at once and still never take the same address.
// Allowed addresses are no claims: NICs may share those.
type claim struct {
	domain  string
	address netip.Addr
}

// claimMoves says which claims a change makes and gives up.
type claimMoves struct {
	fresh  map[claim]string // NIC by claim that nobody had
	passed map[claim]string // NIC by claim that another NIC of this change had
	freed  map[claim]struct{}
}

// claimMovesOf compares the claims before and after. It refuses changes that
// leave a NIC without network or two with one address.
func claimMovesOf(before *secgroup.Snapshot, changes []secgroup.Change) (claimMoves, error) {
	networks := map[string]*secgroup.Network{} // changed ones, nil = deleted
	nics := map[string]*secgroup.NIC{}         // changed, or in a changed network; nil = deleted
	for _, c := range changes {
		switch c.Key.Kind {
		case secgroup.KindNetwork:
			networks[c.Key.ID], _ = c.Object.(*secgroup.Network)
		case secgroup.KindNIC:
			nics[c.Key.ID], _ = c.Object.(*secgroup.NIC)
		default: // it has no address
		}
	}
	for id, n := range networks {
		if old := before.Network(id); old == nil || n != nil && n.RoutingDomain == old.RoutingDomain {
			continue
		}
		for _, nic := range before.NICsOfNetwork(id) {
			if _, changed := nics[nic.ID]; !changed {
				nics[nic.ID] = nic
			}
		}
	}
	old, now := map[claim]string{}, map[claim]string{}
	for id, nic := range nics {
		if was := before.NIC(id); was != nil {
			if n := before.Network(was.Network); n != nil {
				for _, a := range was.Addresses {
					old[claim{n.RoutingDomain, a.Unmap()}] = id
				}
			}
		}
		if nic == nil {
			continue
		}
		network, changed := networks[nic.Network]
		if !changed {
			network = before.Network(nic.Network)
		}
		if network == nil {
			return claimMoves{}, fmt.Errorf("nic %q: network %q does not exist", id, nic.Network)
		}
		for _, a := range nic.Addresses {
			c := claim{network.RoutingDomain, a.Unmap()}
			if other, taken := now[c]; taken && other != id {
				return claimMoves{}, fmt.Errorf("nics %q and %q both have %v in routing domain %q", other, id, c.address, c.domain)
			}
			now[c] = id
		}
	}
	m := claimMoves{map[claim]string{}, map[claim]string{}, map[claim]struct{}{}}
	for c, nic := range now {
		switch holder, held := old[c]; {
		case !held:
			m.fresh[c] = nic
		case holder != nic:
			m.passed[c] = nic
		}
	}
	for c := range old {
		if _, kept := now[c]; !kept {
			m.freed[c] = struct{}{}
		}
	}
	return m, nil
}
