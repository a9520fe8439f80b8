package plan

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// OtherEnd is what the NICs of a rule's remote group do at their own end with
// what the rule opens: send it, for a rule of ingress, and take it, for one of
// egress.
type OtherEnd struct {
	NICs         int // of the remote group (and its CIDR, if the rule has both)
	Allowed      int // let all of it pass
	Partly       int // let some of its messages or ports pass, or with some peers; or all, by several rules with some peers each
	Blocked      int // let nothing pass
	Apart        int // have no peer: none in their routing domain, or none with addresses of a family that they have
	Unrestricted int // of Allowed: no rule is asked
	Rules        []secgroup.RuleRef
}

// maxEndRules bounds the rules that are named of an other end.
const maxEndRules = 10

// matrixEnds judges other ends.
type matrixEnds struct {
	in      *matrixInput
	covered map[coverKey]cover
}

// coverKey names a question: of a group's NICs in a routing domain that have
// addresses of a family, how many are of a remote?
type coverKey struct {
	remote Remote
	group  secgroup.GroupRef
	domain string
	family secgroup.Family
}

// cover is how many NICs there are, and how many have all of their addresses or
// some in the remote.
type cover struct{ nics, whole, some int }

func (c *cover) add(whole, some bool, by int) {
	c.nics += by
	if whole {
		c.whole += by
	}
	if some {
		c.some += by
	}
}

// judge works out what the NICs of an entry's remote group do. Those of a class
// do the same, apart from those that are at the other end themselves.
func (m *matrixEnds) judge(e *MatrixEntry) *OtherEnd {
	type class struct {
		name   string
		v4, v6 bool
	}
	out, rules, known := &OtherEnd{}, map[secgroup.RuleRef]bool{}, map[class]pass{}
	for _, n := range m.in.members[e.Remote.Group] {
		if !n.within(e.Remote.CIDR) {
			continue
		}
		c := class{n.domain + " " + n.class, n.has(secgroup.FamilyIPv4, e.Remote.CIDR), n.has(secgroup.FamilyIPv6, e.Remote.CIDR)}
		p, seen := known[c]
		if !seen || slices.Contains(n.groups, e.Group) {
			p = m.nic(n, e, rules)
			known[c] = p
		}
		out.count(p)
	}
	for r := range rules {
		out.Rules = append(out.Rules, r)
	}
	slices.SortFunc(out.Rules, secgroup.RuleRef.Compare)
	out.Rules = out.Rules[:min(len(out.Rules), maxEndRules)]
	return out
}

func (o *OtherEnd) count(p pass) {
	o.NICs++
	switch p {
	case passAll:
		o.Allowed++
	case passUnasked:
		o.Allowed++
		o.Unrestricted++
	case passSome:
		o.Partly++
	case passNothing:
		o.Blocked++
	case passNobody:
		o.Apart++
	}
}

// pass is what a NIC lets pass at its end.
type pass int

const (
	passNobody pass = iota // there is none to meet
	passNothing
	passSome
	passAll
	passUnasked // all, without a rule
)

// nic judges one NIC, for each family by itself, and adds the rules by which it
// lets something pass.
func (m *matrixEnds) nic(n *matrixNIC, e *MatrixEntry, rules map[secgroup.RuleRef]bool) pass {
	all := passNobody
	for _, f := range []secgroup.Family{secgroup.FamilyIPv4, secgroup.FamilyIPv6} {
		if e.Service.Family != secgroup.FamilyAny && e.Service.Family != f || !n.has(f, e.Remote.CIDR) {
			continue
		}
		if m.cover(n, Remote{}, e.Group, f).nics == 0 {
			continue // nobody to meet
		}
		one := m.family(n, e, f, rules)
		switch {
		case all == passNobody || all == one:
			all = one
		case min(all, one) >= passAll:
			all = passAll
		default:
			all = passSome
		}
	}
	return all
}

// family judges one family of addresses.
func (m *matrixEnds) family(n *matrixNIC, e *MatrixEntry, f secgroup.Family, rules map[secgroup.RuleRef]bool) pass {
	direction := secgroup.Egress
	if e.Direction == secgroup.Egress {
		direction = secgroup.Ingress
	}
	switch {
	case n.domain == "":
		return passNothing
	case n.open || len(n.groups) > 0 && direction == secgroup.Egress && !n.restricted:
		return passUnasked
	}
	service := e.Service.within(f)
	left := []Access{{Service: service}} // what is not let through to all peers
	some := false
	for _, ref := range n.groups {
		g := m.in.s.Group(ref)
		for i := range g.Rules {
			r := &g.Rules[i]
			if !r.Enabled || r.Direction != direction {
				continue
			}
			a := accessOf(ref, r)
			if a.Service.Family != secgroup.FamilyAny && a.Service.Family != f {
				continue
			}
			a.Service = a.Service.within(f)
			if !a.Service.overlaps(service) {
				continue
			}
			c := m.cover(n, a.Remote, e.Group, f)
			if c.some == 0 {
				continue
			}
			some = true
			rules[g.Ref(r)] = true
			if c.whole == c.nics && a.Service.covers(service) {
				left = cut(left, a.Service)
			}
		}
	}
	switch {
	case len(left) == 0:
		return passAll
	case some:
		return passSome
	}
	return passNothing
}

// cover counts the NICs of a group that n could meet by addresses of a family,
// and how many of them are in a remote, as n sees it.
func (m *matrixEnds) cover(n *matrixNIC, remote Remote, group secgroup.GroupRef, f secgroup.Family) cover {
	key := coverKey{remote, group, n.domain, f}
	c, known := m.covered[key]
	if !known {
		for _, peer := range m.in.members[group] {
			if whole, some, meets := peer.of(remote, n.domain, f); meets {
				c.add(whole, some, 1)
			}
		}
		m.covered[key] = c
	}
	if slices.Contains(n.groups, group) { // it does not meet itself
		if whole, some, meets := n.of(remote, n.domain, f); meets {
			c.add(whole, some, -1)
		}
	}
	return c
}

// of reports whether a NIC has addresses of a family in a routing domain, and
// whether all of them or some are of a remote.
func (n *matrixNIC) of(remote Remote, domain string, f secgroup.Family) (whole, some, meets bool) {
	if n.domain != domain {
		return false, false, false
	}
	whole = true
	member := remote.Group == (secgroup.GroupRef{}) || slices.Contains(n.groups, remote.Group)
	for _, a := range n.addresses {
		if secgroup.FamilyOf(a) != f {
			continue
		}
		meets = true
		inside := member && (!remote.CIDR.IsValid() || remote.CIDR.Contains(a))
		whole, some = whole && inside, some || inside
	}
	return whole && meets, some, meets
}

// has reports whether the NIC has an address of a family in p, anywhere if p is
// zero.
func (n *matrixNIC) has(f secgroup.Family, p netip.Prefix) bool {
	return slices.ContainsFunc(n.addresses, func(a netip.Addr) bool {
		return secgroup.FamilyOf(a) == f && (!p.IsValid() || p.Contains(a))
	})
}
