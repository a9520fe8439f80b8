package secgroup

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
)

// Member is an address of a group's member in its routing domain.
type Member struct {
	Domain  string
	Address netip.Addr
	NIC     string
}

// Compare orders members by domain, address and NIC.
func (m Member) Compare(o Member) int {
	return cmp.Or(cmp.Compare(m.Domain, o.Domain), m.Address.Compare(o.Address), cmp.Compare(m.NIC, o.NIC))
}

// Members returns M(g): the addresses of the group's member NICs in their
// routing domains, sorted. An address that two members share is there twice.
func (s *Snapshot) Members(g GroupRef) []Member {
	return slices.SortedFunc(s.EachMember(g), Member.Compare)
}

// EachMember yields M(g) in the order of the NICs.
func (s *Snapshot) EachMember(g GroupRef) iter.Seq[Member] {
	return func(yield func(Member) bool) {
		node := s.group(g)
		if node == nil || s.isClosed(g) {
			return
		}
		network, domain := "", "" // of the NIC before: many are in one
		for id, n := range node.members.all() {
			if n.Network != network {
				network, domain = n.Network, s.Domain(n)
			}
			if domain == "" {
				continue
			}
			for _, a := range MemberAddresses(n) {
				if !yield(Member{domain, a, id}) {
					return
				}
			}
		}
	}
}

// MembersIn yields the members of g that have an address in p, in whatever routing domain;
// one of several such addresses more than once. It looks at the addresses in p that there
// are, or, if those are more, at the members.
func (s *Snapshot) MembersIn(g GroupRef, p netip.Prefix) iter.Seq[*NIC] {
	return func(yield func(*NIC) bool) {
		node := s.group(g)
		if node == nil || s.isClosed(g) {
			return
		}
		left, more := node.members.len(), true
		for _, d := range s.domains.all() {
			if left--; left < 0 || !more {
				break
			}
			d.held.Ascend(holder{address: p.Masked().Addr()}, func(h holder) bool {
				if left--; left < 0 || !p.Contains(h.address) {
					return false
				}
				if node.members.has(h.nic.ID) {
					more = yield(h.nic)
				}
				return more
			})
		}
		if left >= 0 || !more {
			return
		}
		for _, n := range node.members.all() {
			if s.Domain(n) != "" && slices.ContainsFunc(MemberAddresses(n), p.Contains) && !yield(n) {
				return
			}
		}
	}
}

// FirstMembers returns the first n of some members, sorted. Those that a page of a
// list has no room for are not sorted.
func FirstMembers(all iter.Seq[Member], n int) []Member {
	first := make([]Member, 0, 2*n)
	full, last := false, Member{} // what is beyond last is not among the first n
	for m := range all {
		if full && m.Compare(last) >= 0 {
			continue
		}
		if first = append(first, m); len(first) == cap(first) {
			slices.SortFunc(first, Member.Compare)
			first = first[:n]
			full, last = true, first[n-1]
		}
	}
	slices.SortFunc(first, Member.Compare)
	return first[:min(n, len(first))]
}
