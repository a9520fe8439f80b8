package verdict

import (
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// Near is a rule that almost allows a packet, and what is in the way.
type Near struct {
	Rule    secgroup.RuleRef
	Differs []Difference
}

// Difference is one thing in which a packet does not fit a rule.
type Difference struct {
	Field string // "enabled", "port", "icmp", "remote", "protocol", "family"
	Text  string // "port 443 is allowed, you asked 8443"
}

// weights say how far away a difference is.
var weights = map[string]int{"enabled": 1, "port": 1, "icmp": 1, "remote": 2, "protocol": 4, "family": 4}

// Nearest returns the rule of n's groups that comes closest to allowing p in a
// direction, if n has rules in that direction: the one with the smallest
// differences, the first by group and id among equals. Disabled rules count.
func Nearest(s Policy, n *secgroup.NIC, d secgroup.Direction, p packet.Tuple) (near Near, ok bool) {
	best := 0
	for _, e := range s.EffectiveGroups(n) {
		g := s.Group(e.Group)
		for i := range g.Rules {
			r := &g.Rules[i]
			if r.Direction != d {
				continue
			}
			differs := differences(s, n, r, &p)
			score := 0
			for _, x := range differs {
				score += weights[x.Field]
			}
			if !ok || score < best {
				near, best, ok = Near{g.Ref(r), differs}, score, true
			}
		}
	}
	return near, ok
}

func differences(s Policy, n *secgroup.NIC, r *secgroup.Rule, p *packet.Tuple) []Difference {
	var out []Difference
	add := func(field, format string, args ...any) {
		out = append(out, Difference{field, fmt.Sprintf(format, args...)})
	}
	if !r.Enabled {
		add("enabled", "the rule is disabled")
	}
	if r.Family != secgroup.FamilyAny && r.Family != family(p) {
		add("family", "%s is allowed, you asked %s", r.Family, family(p))
	}
	if !matchesService(&secgroup.Rule{Family: secgroup.FamilyAny, Protocol: r.Protocol}, p) {
		add("protocol", "%s is allowed, you asked %s", r.Protocol, packet.ProtocolName(p.Proto))
	} else if service := (secgroup.Rule{
		Family: secgroup.FamilyAny, Protocol: r.Protocol, PortMin: r.PortMin, PortMax: r.PortMax, ICMPType: r.ICMPType, ICMPCode: r.ICMPCode,
	}); !matchesService(&service, p) {
		if r.Protocol == secgroup.ProtocolICMP {
			add("icmp", "%s is allowed, you asked type %d code %d", icmpText(r), p.ICMPType, p.ICMPCode)
		} else {
			add("port", "port %s is allowed, you asked %d", portText(r), p.DstPort)
		}
	}
	if other := peer(p, r.Direction); !matchesPeer(s, n, r, other) {
		add("remote", "%s is allowed, %s is not of it", PeerText(r), other)
	}
	return out
}

// PeerText says whom a rule is about: "everybody", "10.0.0.0/8", "group web",
// "group web within 10.0.0.0/8".
func PeerText(r *secgroup.Rule) string {
	group := r.RemoteGroup != secgroup.GroupRef{}
	switch {
	case group && r.RemoteCIDR.IsValid():
		return fmt.Sprintf("group %s within %s", r.RemoteGroup.ID, r.RemoteCIDR)
	case group:
		return "group " + r.RemoteGroup.ID
	case r.RemoteCIDR.IsValid():
		return r.RemoteCIDR.String()
	}
	return "everybody"
}

// ServiceText says which packets a rule is about: "all", "tcp", "tcp 80-90",
// "icmp type 8".
func ServiceText(r *secgroup.Rule) string {
	switch {
	case r.PortMin != 0:
		return fmt.Sprintf("%s %s", r.Protocol, portText(r))
	case r.ICMPType.Set:
		return fmt.Sprintf("%s %s", r.Protocol, icmpText(r))
	}
	return string(r.Protocol)
}

func portText(r *secgroup.Rule) string {
	if r.PortMax == 0 || r.PortMax == r.PortMin {
		return fmt.Sprint(r.PortMin)
	}
	return fmt.Sprintf("%d-%d", r.PortMin, r.PortMax)
}

func icmpText(r *secgroup.Rule) string {
	var parts []string
	if r.ICMPType.Set {
		parts = append(parts, fmt.Sprintf("type %d", r.ICMPType.Value))
	}
	if r.ICMPCode.Set {
		parts = append(parts, fmt.Sprintf("code %d", r.ICMPCode.Value))
	}
	return strings.Join(parts, " ")
}
