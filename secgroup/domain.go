package secgroup

import (
	"cmp"
	"net/netip"
	"slices"
)

// domain is the address index of one routing domain. Nearly every address has
// one holder; the few that share one (a VIP in allowed_addresses) stand apart.
type domain struct {
	name   string
	nics   int // in this domain, also those without an address
	single map[netip.Addr]*nicNode
	shared map[netip.Addr][]*nicNode // two holders or more, primary ones first, then by id
}

func (s *Snapshot) domain(name string) *domain {
	d := s.domains[name]
	if d == nil {
		d = &domain{name: name, single: map[netip.Addr]*nicNode{}}
		s.domains[name] = d
	}
	return d
}

func (s *Snapshot) dropDomain(d *domain) {
	if d.nics == 0 {
		delete(s.domains, d.name)
	}
}

// add indexes n, whose derived object is set.
func (d *domain) add(n *nicNode) {
	d.nics++
	for _, a := range MemberAddresses(n.derived) {
		first, taken := d.single[a]
		switch holders := d.shared[a]; {
		case holders != nil:
			d.share(a, append(holders, n))
		case taken:
			delete(d.single, a)
			d.share(a, []*nicNode{first, n})
		default:
			d.single[a] = n
		}
	}
}

// remove is the inverse of add, by the same derived object.
func (d *domain) remove(n *nicNode) {
	d.nics--
	for _, a := range MemberAddresses(n.derived) {
		holders := d.shared[a]
		if holders == nil {
			delete(d.single, a)
			continue
		}
		holders = slices.DeleteFunc(slices.Clone(holders), func(h *nicNode) bool { return h == n })
		if len(holders) > 1 {
			d.shared[a] = holders
			continue
		}
		delete(d.shared, a)
		d.single[a] = holders[0]
	}
}

func (d *domain) share(a netip.Addr, holders []*nicNode) {
	if d.shared == nil {
		d.shared = map[netip.Addr][]*nicNode{}
	}
	rank := func(n *nicNode) int {
		if slices.Contains(n.derived.Addresses, a) {
			return 0
		}
		return 1
	}
	slices.SortFunc(holders, func(x, y *nicNode) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), compareNICs(x, y))
	})
	d.shared[a] = holders
}

// holds reports whether some NIC that holds a satisfies f.
func (d *domain) holds(a netip.Addr, f func(*nicNode) bool) bool {
	if n := d.single[a]; n != nil {
		return f(n)
	}
	return slices.ContainsFunc(d.shared[a], f)
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
