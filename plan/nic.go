package plan

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
)

// PutNIC makes a NIC or replaces it. Its times and revision are not the
// caller's to set.
func PutNIC(s *secgroup.Snapshot, req *Request, n secgroup.NIC) (Result, error) {
	old := s.NIC(n.ID)
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
	if n.Account != "" {
		if err := d.account(n.Account); err != nil {
			return Result{}, err
		}
	}
	d.nicReferences(&n, old)
	if err := d.err(); err != nil {
		return Result{}, err
	}
	if err := addressesInUse(s, s.Domain(&n), &n); err != nil {
		return Result{}, err
	}
	if err := macInUse(s, &n, old); err != nil {
		return Result{}, err
	}
	d.static.AddNIC(n.ID)
	if old == nil || !impact.SameNIC(old, &n) {
		d.put(&n)
	}
	return d.finish(n.Key(), old == nil)
}

// nicReferences checks what the NIC names.
func (d *draft) nicReferences(n, old *secgroup.NIC) {
	if old != nil && n.Account != old.Account {
		d.fault("/account", secgroup.CodeInvalidValue, "a NIC stays in its account: delete it and make another")
	}
	if network := d.s.Network(n.Network); network != nil {
		d.add("", secgroup.NICFaults(*n, *network))
	} else if n.Network != "" {
		d.fault("/network", secgroup.CodeInvalidValue, "there is no such network")
	}
	if n.Instance != "" && d.s.Instance(secgroup.InstanceRef{Account: n.Account, ID: n.Instance}) == nil {
		d.fault("/instance", secgroup.CodeInvalidValue, "there is no such instance in the account")
	}
}

// addressesInUse refuses addresses of n that another NIC of the routing domain
// has as its own.
func addressesInUse(s *secgroup.Snapshot, domain string, n *secgroup.NIC) error {
	var deps []Dependent
	for _, a := range n.Addresses {
		for _, other := range s.NICsByAddress(domain, a) {
			if other.ID != n.ID && slices.Contains(other.Addresses, a) {
				deps = append(deps, Dependent{NIC: other.ID, Address: a.String()})
			}
		}
	}
	if len(deps) == 0 {
		return nil
	}
	return &Conflict{CodeAddressInUse, "another NIC of the routing domain has the address", deps}
}

// DeleteNIC deletes a NIC and its attachments.
func DeleteNIC(s *secgroup.Snapshot, req *Request, id string) (Result, error) {
	old := s.NIC(id)
	d, err := beginChange(s, req, old)
	if err != nil {
		return Result{}, err
	}
	for _, a := range s.AttachmentsOfNIC(id) {
		d.delete(secgroup.AttachmentKey(a))
	}
	d.delete(old.Key())
	return d.finish(old.Key(), false)
}

// overlaps returns a pair of overlapping prefixes, one of each list.
func overlaps(a, b []netip.Prefix) (x, y netip.Prefix, yes bool) {
	for _, p := range a {
		for _, q := range b {
			if p.Overlaps(q) {
				return p, q, true
			}
		}
	}
	return x, y, false
}
