package plan

import (
	"fmt"

	"github.com/ringfence/ringfence/secgroup"
)

// maxParts bounds one change, below what a store takes in one transaction whose
// etcd is as it comes (128 operations, nested: about 4,000).
const maxParts = 3000

// fits refuses a change of too many parts.
func (d *draft) fits() {
	if parts := partsOf(d.s, d.changes); parts > maxParts {
		d.fault(d.largest, secgroup.CodeInvalidValue, fmt.Sprintf("the change has %d parts (objects, addresses that NICs take or give up, "+
			"accounts whose groups are named); one request makes at most %d", parts, maxParts))
	}
}

// partsOf counts what a change costs in a transaction: what it writes, and what
// must not change meanwhile.
func partsOf(s *secgroup.Snapshot, changes []secgroup.Change) int {
	parts := len(changes)
	accounts := map[string]struct{}{}
	for _, c := range changes {
		var old secgroup.Object
		switch c.Key.Kind {
		case secgroup.KindNIC:
			if n := s.NIC(c.Key.ID); n != nil {
				old = n
			}
		case secgroup.KindGroup:
			if g := s.Group(secgroup.GroupRef{Account: c.Key.Account, ID: c.Key.ID}); g != nil {
				old = g
			}
		case secgroup.KindNetwork:
			n, _ := c.Object.(*secgroup.Network)
			if was := s.Network(c.Key.ID); was != nil && n != nil && was.RoutingDomain != n.RoutingDomain {
				for _, nic := range s.NICsOfNetwork(n.ID) {
					parts += 2 * len(nic.Addresses)
				}
			}
		case secgroup.KindAttachment:
			accounts[c.Key.Account] = struct{}{}
		case secgroup.KindAccount, secgroup.KindInstance, secgroup.KindBaseline: // one key each
		}
		for _, o := range []secgroup.Object{old, c.Object} {
			switch o := o.(type) {
			case *secgroup.NIC:
				parts += len(o.Addresses)
			case *secgroup.Group:
				for i := range o.Rules {
					if r := o.Rules[i].RemoteGroup; r.ID != "" {
						accounts[r.Account] = struct{}{}
					}
				}
			}
		}
	}
	return parts + len(accounts)
}
