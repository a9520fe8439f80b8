// Package verdict is the semantics of Ringfence in plain lines: whether a
// connection is allowed, and by which rule. It is deliberately simple, has
// nothing of the compiler's ideas, and is what the flows are tested against.
package verdict

import (
	"net/netip"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// Policy is what is judged by: a *secgroup.Snapshot, or what one would be with
// changes.
type Policy interface {
	Network(id string) *secgroup.Network
	Group(secgroup.GroupRef) *secgroup.Group
	Baseline() *secgroup.Baseline
	Domain(*secgroup.NIC) string
	EffectiveGroups(*secgroup.NIC) []secgroup.Effective
	IsMember(g secgroup.GroupRef, domain string, a netip.Addr) bool
}

// Reason says what a decision rests on.
type Reason string

// The reasons.
const (
	ReasonRule           Reason = "rule"            // Decision.Rule allows it
	ReasonUnrestricted   Reason = "unrestricted"    // egress that no group restricts
	ReasonNoRule         Reason = "no-rule"         // no rule allows it
	ReasonEnforcementOff Reason = "enforcement-off" // the admin took the NIC out of filtering
	ReasonSpoofed        Reason = "spoofed"         // the source is not the NIC's to use
	ReasonGuard          Reason = "guard"           // DHCP, neighbour discovery, router advertisements, redirects
	ReasonBaseline       Reason = "baseline"        // a service that the operator opened to every NIC
	ReasonInvalid        Reason = "ct-invalid"      // an ICMP message that belongs to a connection, and to none here
	ReasonNotReady       Reason = "not-ready"       // the NIC's network or its account's default group is absent
)

// Decision is the judgement of one end.
type Decision struct {
	Allow  bool
	Reason Reason
	Rule   secgroup.RuleRef // for ReasonRule: the first that allows it, by group and id
}

// Decide judges a connection's first packet at both ends. An end that is no NIC
// of ours is nil, and is not judged.
func Decide(s Policy, src, dst *secgroup.NIC, p packet.Tuple) (egress, ingress *Decision, allow bool) {
	allow = true
	if src != nil {
		d := Egress(s, src, p)
		egress, allow = &d, d.Allow
	}
	if dst != nil {
		d := Ingress(s, dst, p)
		ingress, allow = &d, allow && d.Allow
	}
	return egress, ingress, allow
}

// Egress judges what NIC n sends.
func Egress(s Policy, n *secgroup.NIC, p packet.Tuple) Decision {
	switch pass, drop := guardEgress(n, &p); {
	case s.Domain(n) == "":
		return Decision{false, ReasonNotReady, secgroup.RuleRef{}}
	case n.Enforcement == secgroup.EnforcementOff:
		return Decision{true, ReasonEnforcementOff, secgroup.RuleRef{}}
	case drop:
		return Decision{false, ReasonGuard, secgroup.RuleRef{}}
	case pass:
		return Decision{true, ReasonGuard, secgroup.RuleRef{}}
	case withoutAddresses(n) || Spoofed(n, p.Src):
		return Decision{false, ReasonSpoofed, secgroup.RuleRef{}}
	case baseline(s, &p):
		return Decision{true, ReasonBaseline, secgroup.RuleRef{}}
	case len(s.EffectiveGroups(n)) == 0:
		return Decision{false, ReasonNotReady, secgroup.RuleRef{}}
	case !begins(&p):
		return Decision{false, ReasonInvalid, secgroup.RuleRef{}}
	case len(Restricting(s, n)) == 0:
		return Decision{true, ReasonUnrestricted, secgroup.RuleRef{}}
	}
	return byRules(s, n, secgroup.Egress, &p)
}

// Ingress judges what is sent to NIC n.
func Ingress(s Policy, n *secgroup.NIC, p packet.Tuple) Decision {
	switch pass, drop := guardIngress(s, n, &p); {
	case s.Domain(n) == "":
		return Decision{false, ReasonNotReady, secgroup.RuleRef{}}
	case n.Enforcement == secgroup.EnforcementOff:
		return Decision{true, ReasonEnforcementOff, secgroup.RuleRef{}}
	case drop:
		return Decision{false, ReasonGuard, secgroup.RuleRef{}}
	case pass:
		return Decision{true, ReasonGuard, secgroup.RuleRef{}}
	case len(s.EffectiveGroups(n)) == 0:
		return Decision{false, ReasonNotReady, secgroup.RuleRef{}}
	case !begins(&p):
		return Decision{false, ReasonInvalid, secgroup.RuleRef{}}
	}
	return byRules(s, n, secgroup.Ingress, &p)
}

// Restricting returns the groups that make n egress-restricted, sorted; none if
// it may send to anyone without a rule.
func Restricting(s Policy, n *secgroup.NIC) []secgroup.GroupRef {
	var because []secgroup.GroupRef
	for _, e := range s.EffectiveGroups(n) {
		if secgroup.EgressRestricts(s.Group(e.Group)) {
			because = append(because, e.Group)
		}
	}
	return because
}

// Allowing returns every rule of n's groups that allows p in a direction,
// sorted by group and id.
func Allowing(s Policy, n *secgroup.NIC, d secgroup.Direction, p packet.Tuple) []secgroup.RuleRef {
	var all []secgroup.RuleRef
	eachAllowing(s, n, d, &p, func(r secgroup.RuleRef) bool {
		all = append(all, r)
		return true
	})
	return all
}

func byRules(s Policy, n *secgroup.NIC, d secgroup.Direction, p *packet.Tuple) Decision {
	decision := Decision{false, ReasonNoRule, secgroup.RuleRef{}}
	eachAllowing(s, n, d, p, func(r secgroup.RuleRef) bool {
		decision = Decision{true, ReasonRule, r}
		return false
	})
	return decision
}

func eachAllowing(s Policy, n *secgroup.NIC, d secgroup.Direction, p *packet.Tuple, yield func(secgroup.RuleRef) bool) {
	for _, e := range s.EffectiveGroups(n) {
		g := s.Group(e.Group)
		for i := range g.Rules {
			r := &g.Rules[i]
			if r.Enabled && r.Direction == d && matchesService(r, p) && matchesPeer(s, n, r, peer(p, d)) && !yield(g.Ref(r)) {
				return
			}
		}
	}
}
