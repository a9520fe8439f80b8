package secgroup_test

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// naive answers the Snapshot's questions from a plain map of objects, by the
// words of docs/semantics.md §2 and nothing else.
type naive map[secgroup.Key]secgroup.Object

func (m naive) apply(changes []secgroup.Change) {
	for _, c := range changes {
		if c.Object == nil {
			delete(m, c.Key)
		} else {
			m[c.Key] = c.Object
		}
	}
}

func all[T secgroup.Object](m naive) []T {
	var found []T
	for _, o := range m {
		if o, ok := o.(T); ok {
			found = append(found, o)
		}
	}
	return found
}

// judges is G(n).
func (m naive) judges(n *secgroup.NIC) map[secgroup.GroupRef]secgroup.Via {
	groups := map[secgroup.GroupRef]secgroup.Via{}
	for _, a := range all[*secgroup.Attachment](m) {
		g, _ := m[secgroup.GroupKey(a.Group)].(*secgroup.Group)
		if g == nil || g.NetworkScope == secgroup.ScopeListed && !slices.Contains(g.Networks, n.Network) {
			continue
		}
		if a.NIC == n.ID {
			groups[a.Group] = secgroup.ViaNIC
		}
		if a.Instance != "" && a.Instance == n.Instance && a.Group.Account == n.Account && groups[a.Group] == "" {
			groups[a.Group] = secgroup.ViaInstance
		}
	}
	if len(groups) == 0 {
		if d := m.defaultGroup(n.Account); d != nil {
			groups[d.GroupRef] = secgroup.ViaDefault
		}
	}
	return groups
}

func (m naive) defaultGroup(account string) *secgroup.Group {
	var first *secgroup.Group
	for _, g := range all[*secgroup.Group](m) {
		if g.Account == account && g.IsDefault && (first == nil || g.ID < first.ID) {
			first = g
		}
	}
	return first
}

func (m naive) domain(n *secgroup.NIC) string {
	if net, ok := m[secgroup.NetworkKey(n.Network)].(*secgroup.Network); ok {
		return net.RoutingDomain
	}
	return ""
}

// holds are the member addresses of a NIC.
func (m naive) holds(n *secgroup.NIC) map[netip.Addr]bool {
	held := map[netip.Addr]bool{}
	for _, a := range n.Addresses {
		held[a] = true
	}
	for _, p := range n.AllowedAddresses {
		if p.Bits() == p.Addr().BitLen() {
			held[p.Addr()] = true
		}
	}
	return held
}

// recomputed is the same state from the plain map.
func (m naive) recomputed() state {
	st := newState()
	for _, n := range all[*secgroup.NIC](m) {
		st.NICs = append(st.NICs, n.ID)
		st.Domains[n.ID] = m.domain(n)
		put(st.ByNetwork, n.Network, n.ID)
		put(st.ByMAC, n.MAC, n.ID)
		put(st.ByAccount, n.Account, n.ID)
		if n.Instance != "" {
			put(st.ByInstance, secgroup.InstanceRef{Account: n.Account, ID: n.Instance}, n.ID)
		}
		for g, via := range m.judges(n) {
			put(st.Effective, n.ID, secgroup.Effective{Group: g, Via: via})
			put(st.MemberNICs, g, n.ID)
			for a := range m.holds(n) {
				if d := m.domain(n); d != "" {
					put(st.Members, g, secgroup.Member{Domain: d, Address: a, NIC: n.ID})
				}
			}
		}
		for a := range m.holds(n) {
			if d := m.domain(n); d != "" {
				put(st.ByAddress, domainAddress{Domain: d, Address: a}, n.ID)
			}
		}
	}
	for _, g := range all[*secgroup.Group](m) {
		put(st.Groups, g.Account, g.ID)
		for _, share := range g.Shares {
			put(st.Shared, share.Account, g.GroupRef)
		}
		if name := g.Account + "/" + g.Name; st.Names[name] == "" || g.ID < st.Names[name] {
			st.Names[name] = g.ID
		}
		if d := m.defaultGroup(g.Account); d != nil {
			st.Default[g.Account] = d.ID
		}
		for _, r := range g.Rules {
			if r.RemoteGroup != (secgroup.GroupRef{}) {
				put(st.References, r.RemoteGroup, secgroup.RuleRef{Group: g.GroupRef, ID: r.ID})
			}
		}
	}
	for _, a := range all[*secgroup.Attachment](m) {
		st.Attachments++
		listed := *a
		listed.Holder = ""
		put(st.OfGroup, a.Group, listed)
		if a.NIC != "" {
			put(st.OfNIC, a.NIC, listed)
		} else {
			put(st.OfInstance, secgroup.InstanceRef{Account: a.Group.Account, ID: a.Instance}, listed)
		}
	}
	for _, i := range all[*secgroup.Instance](m) {
		put(st.Instances, i.Account, i.ID)
	}
	for _, a := range all[*secgroup.Account](m) {
		st.Accounts = append(st.Accounts, a.ID)
	}
	for _, n := range all[*secgroup.Network](m) {
		st.Networks = append(st.Networks, n.ID)
	}
	m.sort(&st)
	return st
}

func (m naive) sort(st *state) {
	for _, list := range [][]string{st.NICs, st.Accounts, st.Networks} {
		slices.Sort(list)
	}
	for _, lists := range []map[string][]string{st.ByNetwork, st.ByAccount, st.Groups, st.Instances} {
		for _, list := range lists {
			slices.Sort(list)
		}
	}
	for _, list := range st.Shared {
		slices.SortFunc(list, secgroup.GroupRef.Compare)
	}
	for _, list := range st.ByMAC {
		slices.Sort(list)
	}
	for _, list := range st.ByInstance {
		slices.Sort(list)
	}
	for _, list := range st.MemberNICs {
		slices.Sort(list)
	}
	for _, list := range st.Effective {
		slices.SortFunc(list, func(a, b secgroup.Effective) int { return a.Group.Compare(b.Group) })
	}
	for _, list := range st.Members {
		slices.SortFunc(list, func(a, b secgroup.Member) int {
			return cmp.Or(cmp.Compare(a.Domain, b.Domain), a.Address.Compare(b.Address), cmp.Compare(a.NIC, b.NIC))
		})
	}
	for at, list := range st.ByAddress {
		primary := func(id string) int {
			if n := m[secgroup.NICKey(id)].(*secgroup.NIC); slices.Contains(n.Addresses, at.Address) {
				return 0
			}
			return 1
		}
		slices.SortFunc(list, func(a, b string) int { return cmp.Or(primary(a)-primary(b), cmp.Compare(a, b)) })
	}
	for _, list := range st.References {
		slices.SortFunc(list, secgroup.RuleRef.Compare)
	}
	for _, list := range st.OfGroup {
		slices.SortFunc(list, secgroup.Attachment.Compare)
	}
	for _, list := range st.OfNIC {
		slices.SortFunc(list, secgroup.Attachment.Compare)
	}
	for _, list := range st.OfInstance {
		slices.SortFunc(list, secgroup.Attachment.Compare)
	}
}
