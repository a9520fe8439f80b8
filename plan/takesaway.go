package plan

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// The functions here say whether a change takes something away, so that open
// connections must be judged again. When in doubt they say yes: a host then
// sweeps once for nothing.

// takesRules compares two states of a group, nil for absent, as to its rules.
// A group that came or went is a matter of the NICs it judges. Egress that
// becomes restricted is found by diff.egress.
func takesRules(old, new *secgroup.Group) bool {
	if old == nil || new == nil {
		return false
	}
	left := indexOf(new.Rules)
	return slices.ContainsFunc(old.Rules, func(r secgroup.Rule) bool { return r.Enabled && left.content(r) < 0 })
}

// takesNIC compares two states of a NIC; new is nil for a deleted one.
func takesNIC(before, after *View, old, new *secgroup.NIC) bool {
	if new == nil || old.Network != new.Network || before.Domain(old) != after.Domain(new) ||
		old.MAC != new.MAC || old.Enforcement != new.Enforcement || old.DHCPServer && !new.DHCPServer {
		return true
	}
	for _, a := range old.Addresses {
		if !slices.Contains(new.Addresses, a) {
			return true
		}
	}
	for _, p := range old.AllowedAddresses {
		if !slices.Contains(new.AllowedAddresses, p) {
			return true
		}
	}
	return false
}

func takesBaseline(old, new *secgroup.Baseline) bool {
	for _, a := range old.Addresses {
		if !slices.ContainsFunc(new.Addresses, func(n secgroup.BaselineAddress) bool {
			return n.Address == a.Address && n.Protocol == a.Protocol && n.Port == a.Port
		}) {
			return true
		}
	}
	return false
}

// samePolicy reports whether two states of a group judge alike where they act.
func samePolicy(a, b *secgroup.Group) bool {
	return a.EgressPolicy == b.EgressPolicy && slices.EqualFunc(a.Rules, b.Rules, func(x, y secgroup.Rule) bool {
		return x.ID == y.ID && secgroup.SameContent(x, y)
	})
}

// sameNIC reports whether two states of a NIC are enforced alike, given the
// same groups.
func sameNIC(a, b *secgroup.NIC) bool {
	return a.Account == b.Account && a.Instance == b.Instance && a.Network == b.Network && a.MAC == b.MAC &&
		slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.AllowedAddresses, b.AllowedAddresses) &&
		a.Enforcement == b.Enforcement && a.DHCPServer == b.DHCPServer && slices.Equal(a.Hosts, b.Hosts)
}

// sameWire reports whether two states of a network are enforced alike.
func sameWire(a, b *secgroup.Network) bool {
	return a.Segment() == b.Segment() &&
		slices.Equal(a.Gateways, b.Gateways) && slices.Equal(a.Prefixes, b.Prefixes)
}
