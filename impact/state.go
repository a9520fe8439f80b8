package impact

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// End is what packets are judged by at a NIC, except for the rules of its groups.
type End struct {
	NIC        *secgroup.NIC       // nil: there is none
	Network    *secgroup.Network   // nil: there is none
	Groups     []secgroup.GroupRef // that judge it
	Restricted bool                // one of them restricts egress
}

// EndOf returns the end of a NIC, or the zero End if n is nil.
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

// state is all of a NIC in one policy that Diff compares.
type state struct {
	End
	member    []secgroup.GroupRef // those of its groups that are not closed: it is a member of these
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

// Moved returns the ids of the NICs whose groups may change by changes to s: NICs that are
// put or deleted, NICs whose own or whose instance's attachments change, and NICs of groups
// that come, go, or change their scope.
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

// sameScope reports whether a group acts in the same networks before and after a change.
// Either may be nil for a group that is not there.
func sameScope(a, b *secgroup.Group) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.NetworkScope == b.NetworkScope && slices.Equal(a.Networks, b.Networks) && a.Closed == b.Closed
}

// SameNIC reports whether two records of a NIC lead to the same flows if its groups are the
// same. Either may be nil for a NIC that is not there.
func SameNIC(a, b *secgroup.NIC) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Account == b.Account && a.Instance == b.Instance && a.Network == b.Network && a.MAC == b.MAC &&
		slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.AllowedAddresses, b.AllowedAddresses) &&
		a.Enforcement == b.Enforcement && a.DHCPServer == b.DHCPServer && slices.Equal(a.Hosts, b.Hosts)
}

// SameNetwork reports whether two records of a network lead to the same flows. Either may be
// nil for a network that is not there.
func SameNetwork(a, b *secgroup.Network) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID && a.Segment() == b.Segment() && sameAddressing(a, b)
}

func sameAddressing(a, b *secgroup.Network) bool {
	return a.RoutingDomain == b.RoutingDomain && slices.Equal(a.Gateways, b.Gateways) && slices.Equal(a.Prefixes, b.Prefixes)
}

// samePolicy reports whether a group has the same rules and egress policy before and after.
func samePolicy(a, b *secgroup.Group) bool {
	return a.EgressPolicy == b.EgressPolicy && a.Closed == b.Closed && slices.EqualFunc(a.Rules, b.Rules, func(x, y secgroup.Rule) bool {
		return x.ID == y.ID && secgroup.SameContent(x, y)
	})
}
