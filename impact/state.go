package impact

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// End is what a NIC's end is judged by, but for the groups' rules.
type End struct {
	NIC        *secgroup.NIC       // nil: there is none
	Network    *secgroup.Network   // nil: there is none
	Groups     []secgroup.GroupRef // that judge it
	Restricted bool                // one of them restricts egress
}

// EndOf is the end of a NIC, nil for none.
func EndOf(s verdict.Policy, n *secgroup.NIC) (e End) {
	if n == nil {
		return e
	}
	e = End{NIC: n, Network: s.Network(n.Network), Restricted: len(verdict.Restricting(s, n)) > 0}
	for _, g := range s.EffectiveGroups(n) {
		e.Groups = append(e.Groups, g.Group)
	}
	return e
}

// state is what a NIC is in the policy.
type state struct {
	End
	member    []secgroup.GroupRef // those of its groups that it is a member of: not of closed ones
	addresses []Address
}

func stateOf(s Policy, n *secgroup.NIC) state {
	if n == nil {
		return state{}
	}
	out := state{End: EndOf(s, n)}
	for _, ref := range out.Groups {
		if g := s.Group(ref); g == nil || !g.Closed {
			out.member = append(out.member, ref)
		}
	}
	if domain := s.Domain(n); domain != "" {
		for _, a := range secgroup.MemberAddresses(n) {
			out.addresses = append(out.addresses, Address{domain, a})
		}
	}
	return out
}

// Moved returns the ids of the NICs whose groups changes to s may change: those
// put or deleted, those whose attachments change by themselves or by their
// instance, and those of groups that come, go, or change where they act.
func Moved(s Policy, changes []secgroup.Change) map[string]struct{} {
	moved := map[string]struct{}{}
	add := func(nics []*secgroup.NIC) {
		for _, n := range nics {
			moved[n.ID] = struct{}{}
		}
	}
	end := func(nic, instance, account string) {
		if nic != "" {
			moved[nic] = struct{}{}
		} else { // a NIC that is to come there is itself a change
			add(s.NICsOfInstance(secgroup.InstanceRef{Account: account, ID: instance}))
		}
	}
	for _, c := range changes {
		k := c.Key
		switch k.Kind {
		case secgroup.KindNIC:
			moved[k.ID] = struct{}{}
		case secgroup.KindAttachment:
			end(k.NIC, k.Instance, k.Account)
		case secgroup.KindGroup:
			ref := secgroup.GroupRef{Account: k.Account, ID: k.ID}
			old := s.Group(ref)
			now, _ := c.Object.(*secgroup.Group)
			if !sameScope(old, now) {
				for _, a := range s.AttachmentsOfGroup(ref) {
					end(a.NIC, a.Instance, a.Group.Account)
				}
			}
			was, is := old != nil && old.IsDefault, now != nil && now.IsDefault
			if was != is || (was || is) && closed(old) != closed(now) {
				add(s.NICsOfAccount(k.Account))
			}
		case secgroup.KindAccount, secgroup.KindNetwork, secgroup.KindInstance, secgroup.KindBaseline: // they move no NIC between groups
		}
	}
	return moved
}

func closed(g *secgroup.Group) bool { return g != nil && g.Closed }

// sameScope reports whether two states of a group, nil for absent, act in the
// same networks.
func sameScope(a, b *secgroup.Group) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.NetworkScope == b.NetworkScope && slices.Equal(a.Networks, b.Networks) && a.Closed == b.Closed
}

// SameNIC reports whether two states of a NIC, nil for absent, are enforced alike,
// given the same groups.
func SameNIC(a, b *secgroup.NIC) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Account == b.Account && a.Instance == b.Instance && a.Network == b.Network && a.MAC == b.MAC &&
		slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.AllowedAddresses, b.AllowedAddresses) &&
		a.Enforcement == b.Enforcement && a.DHCPServer == b.DHCPServer && slices.Equal(a.Hosts, b.Hosts)
}

// SameNetwork reports whether two states of a network, nil for absent, are
// enforced alike.
func SameNetwork(a, b *secgroup.Network) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID && a.Segment() == b.Segment() && sameAddressing(a, b)
}

func sameAddressing(a, b *secgroup.Network) bool {
	return a.RoutingDomain == b.RoutingDomain && slices.Equal(a.Gateways, b.Gateways) && slices.Equal(a.Prefixes, b.Prefixes)
}

// samePolicy reports whether two states of a group judge alike where they act.
func samePolicy(a, b *secgroup.Group) bool {
	return a.EgressPolicy == b.EgressPolicy && a.Closed == b.Closed && slices.EqualFunc(a.Rules, b.Rules, func(x, y secgroup.Rule) bool {
		return x.ID == y.ID && secgroup.SameContent(x, y)
	})
}
