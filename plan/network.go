package plan

import (
	"fmt"
	"slices"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
)

// PutNetwork makes a network or replaces it. Its routing domain, if not given,
// follows from its type (docs/semantics.md §1).
func PutNetwork(s *secgroup.Snapshot, req *Request, n secgroup.Network) (Result, error) {
	old := s.Network(n.ID)
	d, err := beginPut(s, req, old)
	if err != nil {
		return Result{}, err
	}
	n.CreatedAt, n.UpdatedAt, n.Revision = d.req.Now, d.req.Now, 0
	if old != nil {
		n.CreatedAt = old.CreatedAt
	}
	n.Normalize()
	d.add("", n.Validate())
	if err := d.err(); err != nil {
		return Result{}, err
	}
	d.holdsItsNICs(&n, old)
	if err := d.err(); err != nil {
		return Result{}, err
	}
	if err := prefixOverlap(s, &n); err != nil {
		return Result{}, err
	}
	if old == nil || old.Segment() != n.Segment() {
		if err := vlanInUse(s, &n); err != nil {
			return Result{}, err
		}
		if err := macsInUse(s, &n); err != nil {
			return Result{}, err
		}
	}
	if old != nil && old.RoutingDomain != n.RoutingDomain {
		for _, nic := range s.NICsOfNetwork(n.ID) {
			if err := addressesInUse(s, n.RoutingDomain, nic); err != nil {
				return Result{}, err
			}
		}
	}
	for _, nic := range s.NICsOfNetwork(n.ID) {
		d.static.AddNIC(nic.ID)
	}
	if old == nil || !sameNetwork(old, &n) {
		d.put(&n)
	}
	d.largest = "/routing_domain"
	return d.finish(n.Key(), old == nil)
}

// holdsItsNICs refuses prefixes that leave addresses of the network's NICs
// outside. Addresses that were outside before are no reason.
func (d *draft) holdsItsNICs(n, old *secgroup.Network) {
	if old == nil || slices.Equal(old.Prefixes, n.Prefixes) {
		return
	}
	for _, nic := range d.s.NICsOfNetwork(n.ID) {
		for _, a := range nic.Addresses {
			if old.Holds(a) && !n.Holds(a) {
				d.fault("/prefixes", secgroup.CodeInvalidValue, fmt.Sprintf("leaves out %v of NIC %s", a, nic.ID))
				return
			}
		}
	}
}

func prefixOverlap(s *secgroup.Snapshot, n *secgroup.Network) error {
	var deps []Dependent
	detail := ""
	for _, other := range s.Networks() {
		if other.ID == n.ID || other.RoutingDomain != n.RoutingDomain {
			continue
		}
		if p, q, yes := overlaps(n.Prefixes, other.Prefixes); yes {
			deps = append(deps, Dependent{Network: other.ID, Address: q.String()})
			if detail == "" {
				detail = fmt.Sprintf("%s overlaps %s of a network in the same routing domain", p, q)
			}
		}
	}
	if len(deps) == 0 {
		return nil
	}
	return &Conflict{CodePrefixOverlap, detail, deps}
}

// DeleteNetwork deletes a network that no NIC is in and no group's scope lists.
func DeleteNetwork(s *secgroup.Snapshot, req *Request, id string) (Result, error) {
	old := s.Network(id)
	d, err := beginChange(s, req, old)
	if err != nil {
		return Result{}, err
	}
	var deps []Dependent
	for _, n := range s.NICsOfNetwork(id) {
		deps = append(deps, Dependent{NIC: n.ID})
	}
	for _, a := range s.Accounts() {
		for _, g := range s.Groups(a.ID) {
			if slices.Contains(g.Networks, id) {
				deps = append(deps, Dependent{Group: g.ID})
			}
		}
	}
	if len(deps) > 0 {
		return Result{}, &Conflict{CodeNetworkInUse, "NICs are in the network, or groups list it in their scope", deps}
	}
	d.delete(old.Key())
	return d.finish(old.Key(), false)
}

func sameNetwork(a, b *secgroup.Network) bool {
	return a.Type == b.Type && a.VPC == b.VPC && impact.SameNetwork(a, b)
}
