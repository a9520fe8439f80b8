package secgroup

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/tidwall/btree"
)

// domain is the address index of one routing domain: who has which address, those
// whose own it is before those that may use it besides, each sorted by id.
type domain struct {
	by   *edit
	held *btree.BTreeG[holder]
}

// holder is a NIC with one of its addresses. The first of an address is a nil NIC.
type holder struct {
	address netip.Addr
	nic     *NIC
}

func (h holder) less(o holder) bool {
	if c := h.address.Compare(o.address); c != 0 {
		return c < 0
	}
	if h.nic == nil || o.nic == nil {
		return h.nic == nil && o.nic != nil
	}
	return cmp.Or(cmp.Compare(h.rank(), o.rank()), cmp.Compare(h.nic.ID, o.nic.ID)) < 0
}

func (h holder) rank() int {
	if slices.ContainsFunc(h.nic.Addresses, func(a netip.Addr) bool { return a.Unmap() == h.address }) {
		return 0
	}
	return 1
}

// indexAddresses makes the addresses of a NIC known in its routing domain, in the place
// of those that it had. Either state of it may be nil.
func (b *batch) indexAddresses(old, now *NIC) {
	var from, to string
	if old != nil {
		from = b.old.Domain(old)
	}
	if now != nil {
		to = b.next.Domain(now)
	}
	if old == now && from == to {
		return
	}
	if from != "" {
		d := b.domain(from)
		for _, a := range MemberAddresses(old) {
			d.held.Delete(holder{a, old})
		}
		if d.held.Len() == 0 {
			b.next.domains.remove(b.edit, from)
		}
	}
	if to != "" {
		for _, a := range MemberAddresses(now) {
			b.domain(to).held.Set(holder{a, now})
		}
	}
}

// domain returns a routing domain that the batch may change, made if need be.
func (b *batch) domain(name string) *domain {
	d := b.next.domains.get(name)
	if d != nil && d.by == b.edit {
		return d
	}
	now := &domain{by: b.edit}
	if d == nil {
		now.held = btree.NewBTreeGOptions(holder.less, btree.Options{Degree: treeDegree, NoLocks: true})
	} else {
		held := *d.held // Copy writes to what it copies, and others may be copying it
		now.held = held.Copy()
	}
	b.next.domains.set(b.edit, name, now)
	return now
}

// NICsByAddress returns the NICs that hold address a in a routing domain (see
// MemberAddresses): those whose own it is before those that may use it besides,
// each sorted by id. In domain "" nothing is held.
func (s *Snapshot) NICsByAddress(domain string, a netip.Addr) []*NIC {
	d := s.domains.get(domain)
	if d == nil {
		return nil
	}
	a = a.Unmap()
	var nics []*NIC
	d.held.Ascend(holder{address: a}, func(h holder) bool {
		if h.address != a {
			return false
		}
		nics = append(nics, h.nic)
		return true
	})
	return nics
}

// IsMember reports whether (domain, a) ∈ M(g).
func (s *Snapshot) IsMember(g GroupRef, domain string, a netip.Addr) bool {
	return slices.ContainsFunc(s.NICsByAddress(domain, a), func(n *NIC) bool { return s.Judges(g, n) })
}

// MemberAddresses returns the addresses by which n is a member of its groups:
// its own and those allowed_addresses that are a single host's (a /32 or a
// /128; a wider prefix never is). Sorted and unique.
func MemberAddresses(n *NIC) []netip.Addr {
	all := make([]netip.Addr, 0, len(n.Addresses)+len(n.AllowedAddresses))
	for _, a := range n.Addresses {
		all = append(all, a.Unmap())
	}
	for _, p := range n.AllowedAddresses {
		if p.IsSingleIP() {
			all = append(all, p.Addr().Unmap())
		}
	}
	if len(all) > 1 {
		slices.SortFunc(all, netip.Addr.Compare)
		all = slices.Compact(all)
	}
	return all
}
