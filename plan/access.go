package plan

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
)

// Access is one thing that a group's NICs, or one NIC, may do: a service with
// a remote. The remote is everything, a CIDR, the members of a group, what is
// in both, or one member NIC of a group.
type Access struct {
	Group       secgroup.GroupRef // whose NICs; or
	NIC         string            // one NIC alone
	Direction   secgroup.Direction
	Service     Service
	Remote      Remote
	RemoteNIC   string // the member of Remote.Group that came or went
	EgressIsAll bool   // nothing restricts the NIC's egress
}

// AccessDiff says what a change lets through that was not let through before,
// and the other way round, at one end of connections: whether the other end
// lets it pass too is a matter of its own groups. What several rules only
// allow together counts as not allowed by any, so that a diff may list more
// than changes, and never less.
type AccessDiff struct {
	Allowed []Access
	Denied  []Access
	More    bool // than maxAccess of either
}

// maxAccess bounds each side of a diff.
const maxAccess = 500

// DiffAccess works out the diff of changes to a policy.
func DiffAccess(before, after *secgroup.Snapshot, changes []secgroup.Change) AccessDiff {
	d := accessDiff{policies: compare(before, after, changes), seen: map[string]*sides{}}
	nics := maps.Clone(d.policies.Impact.NICs)
	if nics == nil {
		nics = map[string]struct{}{}
	}
	for g := range d.policies.Rules {
		for _, v := range []*secgroup.Snapshot{d.policies.before, d.policies.after} {
			for _, n := range v.MemberNICs(g) {
				nics[n.ID] = struct{}{}
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(nics)) {
		d.compareNIC(id)
	}
	for _, g := range slices.SortedFunc(maps.Keys(d.policies.Members), secgroup.GroupRef.Compare) {
		d.compareMembers(g)
	}
	return AccessDiff{tidy(d.allowed), tidy(d.denied), d.more || len(d.allowed) > maxAccess || len(d.denied) > maxAccess}
}

type accessDiff struct {
	policies        *diff             // before and after
	seen            map[string]*sides // by what judges a NIC before and after
	allowed, denied []Access
	more            bool
}

type sides struct{ gained, lost []Access }

// compareNIC compares what a NIC may do. NICs that are judged by the same
// groups share the answer.
func (d *accessDiff) compareNIC(id string) {
	old, new := d.policies.before.NIC(id), d.policies.after.NIC(id)
	was, is := judged(d.policies.before, old), judged(d.policies.after, new)
	both, found := d.seen[was.name+"|"+is.name]
	if !found {
		before, after := was.access(d.policies.before), is.access(d.policies.after)
		both = &sides{without(after, was.stays(is, before)), without(before, is.stays(was, after))}
		d.seen[was.name+"|"+is.name] = both
	}
	own := was.name != is.name // a matter of this NIC, not of a group's rules
	d.add(&d.allowed, id, own, both.gained)
	d.add(&d.denied, id, own, both.lost)
}

func (d *accessDiff) add(to *[]Access, nic string, own bool, all []Access) {
	for _, a := range all {
		if len(*to) > 4*maxAccess { // many may be the same
			d.more = true
			return
		}
		if own || a.Group == (secgroup.GroupRef{}) {
			a.Group, a.NIC = secgroup.GroupRef{}, nic
		}
		*to = append(*to, a)
	}
}

// judge is what judges a NIC.
type judge struct {
	name   string // the same for the same
	domain string // in which it sees the members of groups
	groups []secgroup.GroupRef
	open   bool // no rule is asked at all
}

// stays leaves of a judge's access what means the same to the other judge: the
// members of a group are others in another routing domain.
func (j judge) stays(other judge, all []Access) []Access {
	if j.domain == other.domain {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(a Access) bool { return a.Remote.Group != secgroup.GroupRef{} })
}

func judged(s *secgroup.Snapshot, n *secgroup.NIC) judge {
	if n == nil {
		return judge{name: "-"}
	}
	if n.Enforcement == secgroup.EnforcementOff {
		return judge{name: "off", open: true}
	}
	j := judge{domain: s.Domain(n)}
	for _, e := range s.EffectiveGroups(n) {
		j.groups = append(j.groups, e.Group)
	}
	var b strings.Builder
	b.WriteString(j.domain + " ")
	for _, g := range j.groups {
		b.WriteString(g.Account + "/" + g.ID + ",")
	}
	j.name = b.String()
	return j
}

// access lists what a judge lets pass.
func (j judge) access(s *secgroup.Snapshot) []Access {
	all := func(d secgroup.Direction) Access {
		return Access{Direction: d, Service: Service{Family: secgroup.FamilyAny, Protocol: secgroup.ProtocolAll}, EgressIsAll: d == secgroup.Egress}
	}
	if j.open {
		return []Access{all(secgroup.Ingress), all(secgroup.Egress)}
	}
	var out []Access
	restricted := false
	for _, ref := range j.groups {
		g := s.Group(ref)
		if g == nil {
			continue
		}
		restricted = restricted || secgroup.EgressRestricts(g)
		for i := range g.Rules {
			if g.Rules[i].Enabled {
				out = append(out, accessOf(ref, &g.Rules[i]))
			}
		}
	}
	if len(j.groups) > 0 && !restricted {
		out = append(slices.DeleteFunc(out, func(a Access) bool { return a.Direction == secgroup.Egress }), all(secgroup.Egress))
	}
	return out
}

func accessOf(g secgroup.GroupRef, r *secgroup.Rule) Access {
	a := Access{Group: g, Direction: r.Direction, Service: serviceOf(r), Remote: Remote{CIDR: r.RemoteCIDR, Group: r.RemoteGroup}}
	if c := r.RemoteCIDR; c.IsValid() {
		a.Service.Family = secgroup.FamilyIPv4
		if c.Addr().Is6() {
			a.Service.Family = secgroup.FamilyIPv6
		}
		if c.Bits() == 0 { // all of its family
			a.Remote.CIDR = netip.Prefix{}
		}
	}
	return a
}

// compareMembers finds what rules let pass from and to the NICs that joined or
// left the group that they name, or moved.
func (d *accessDiff) compareMembers(g secgroup.GroupRef) {
	was, is := memberAddresses(d.policies.before, g), memberAddresses(d.policies.after, g)
	for _, side := range []struct {
		s    *secgroup.Snapshot
		nics map[string]string
		to   *[]Access
	}{{d.policies.after, is, &d.allowed}, {d.policies.before, was, &d.denied}} {
		for _, ref := range side.s.RulesReferencing(g) {
			r := side.s.Group(ref.Group).Rule(ref.ID)
			if r == nil || !r.Enabled || !asked(side.s, ref.Group, r.Direction) {
				continue
			}
			a := accessOf(ref.Group, r)
			for _, nic := range slices.Sorted(maps.Keys(side.nics)) {
				if is[nic] != was[nic] {
					a.RemoteNIC = nic
					d.add(side.to, "", false, []Access{a})
				}
			}
		}
	}
}

// asked reports whether the group's rules of a direction matter to any NIC:
// those of egress only to one whose egress is restricted.
func asked(s *secgroup.Snapshot, g secgroup.GroupRef, d secgroup.Direction) bool {
	return slices.ContainsFunc(s.MemberNICs(g), func(n *secgroup.NIC) bool {
		if d == secgroup.Ingress {
			return true
		}
		_, restricted := EgressRestricted(s, n)
		return restricted
	})
}

// memberAddresses returns where the group's members are, by NIC.
func memberAddresses(s *secgroup.Snapshot, g secgroup.GroupRef) map[string]string {
	out := map[string]string{}
	for _, m := range s.Members(g) {
		out[m.NIC] += m.Domain + " " + m.Address.String() + ","
	}
	return out
}

// tidy sorts, leaves one of the same, and cuts.
func tidy(all []Access) []Access {
	slices.SortFunc(all, func(a, b Access) int {
		return cmp.Or(a.Group.Compare(b.Group), cmp.Compare(a.NIC, b.NIC), cmp.Compare(a.Direction, b.Direction),
			a.Service.compare(b.Service), a.Remote.compare(b.Remote), cmp.Compare(a.RemoteNIC, b.RemoteNIC))
	})
	all = slices.Compact(all)
	return all[:min(len(all), maxAccess)]
}
