package httpapi

import (
	"net/netip"
	"strings"

	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// ruleAliases are other names of a rule's fields, accepted on input.
var ruleAliases = map[string]string{"start_port": "port_min", "end_port": "port_max"}

// withoutAliases gives the fields of a rule their own names. A field that is
// there under both names keeps its alias, which reads as unknown.
func withoutAliases(n *node) *node {
	if n.kind != kindObject {
		return n
	}
	out := &node{kind: kindObject}
	for _, f := range n.fields {
		if own := ruleAliases[f.name]; own != "" && n.get(own) == nil {
			f.name = own
		}
		out.fields = append(out.fields, f)
	}
	return out
}

// readRule reads a rule of group ref. With freeID it may bring an id of its own;
// else an id may only repeat the given one, which is "" if the server is to
// name the rule.
func readRule(r *reading, n *node, at string, ref secgroup.GroupRef, id string, freeID bool) secgroup.Rule {
	o := r.object(withoutAliases(n), at)
	defer o.close()
	rule := secgroup.Rule{
		ID:        id,
		Direction: secgroup.Direction(strings.ToLower(o.str("direction"))),
		Family:    secgroup.Family(strings.ToLower(o.str("family"))),
		Enabled:   true,
	}
	if freeID {
		rule.ID = o.str("id")
	} else {
		o.fixed("id", id)
	}
	if ref.ID != "" {
		o.fixed("group", ref.ID)
	}
	rule.PortMin = readPort(o, "port_min")
	rule.PortMax = readPort(o, "port_max")
	rule.ICMPType = readOpt8(o, "icmp_type")
	rule.ICMPCode = readOpt8(o, "icmp_code")
	rule.Protocol = readProtocol(o)
	if rule.Protocol == "" {
		rule.Protocol = likelyProtocol(&rule) // to look for other faults; there is one already
	}
	rule.RemoteCIDR = readCIDR(o, "remote_cidr")
	rule.RemoteGroup = readGroupRef(o, "remote_group", ref.Account)
	rule.Description = o.str("description")
	if enabled := o.boolean("enabled"); enabled != nil {
		rule.Enabled = *enabled
	}
	o.readOnly("group", "origin", "inert", "revision", "via", "hits", "effects", "realization")
	return rule
}

// readProtocol reads a name or a number, the number also as a string. It is "" if
// there is a fault.
func readProtocol(o *object) secgroup.Protocol {
	v := o.take("protocol")
	switch {
	case v == nil:
		o.invalid(o.pointer("protocol"), "is missing: all, tcp, udp, icmp or a number 0-255")
	case v.kind == kindNumber, v.kind == kindString:
		p, err := secgroup.ParseProtocol(v.text)
		if err == nil {
			return p
		}
		o.invalid(o.pointer("protocol"), err.Error())
	default:
		o.is(v, kindString, o.pointer("protocol"))
	}
	return ""
}

// likelyProtocol is one that what else the rule has goes with.
func likelyProtocol(r *secgroup.Rule) secgroup.Protocol {
	switch {
	case r.PortMin != 0 || r.PortMax != 0:
		return secgroup.ProtocolTCP
	case r.ICMPType.Set || r.ICMPCode.Set:
		return secgroup.ProtocolICMP
	}
	return secgroup.ProtocolAll
}

// readPort reads a port; -1 is absent.
func readPort(o *object, name string) uint16 {
	p, _ := o.optional(name, 1, 65535)
	return uint16(p)
}

// readOpt8 reads an ICMP type or code; -1 is absent.
func readOpt8(o *object, name string) secgroup.Opt8 {
	v, ok := o.optional(name, 0, 255)
	if !ok {
		return secgroup.Opt8{}
	}
	return secgroup.Some8(uint8(v))
}

func readCIDR(o *object, name string) netip.Prefix {
	v := o.take(name)
	if v == nil || !o.is(v, kindString, o.pointer(name)) {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(v.text)
	if err != nil {
		o.invalid(o.pointer(name), "is not a CIDR such as 10.0.0.0/8 or 2001:db8::/32")
		return netip.Prefix{}
	}
	return p
}

// readGroupRef reads a group's name to an account.
func readGroupRef(o *object, name, account string) secgroup.GroupRef {
	v := o.take(name)
	if v == nil || !o.is(v, kindString, o.pointer(name)) {
		return secgroup.GroupRef{}
	}
	return secgroup.ParseGroupRef(account, v.text)
}

// readRuleSet reads an array of rules, which is at a pointer.
func readRuleSet(r *reading, n *node, at string, ref secgroup.GroupRef) *plan.RuleSet {
	set := &plan.RuleSet{At: at, Rules: []secgroup.Rule{}}
	for i, item := range r.items(n, at, maxRules) {
		set.Rules = append(set.Rules, readRule(r, item, at+secgroup.Pointer(i), ref, "", true))
	}
	return set
}

// readArray finds the array in a body that is one, or that is an object with the
// array under one of the names, as list answers have it under "items".
func readArray(r *reading, n *node, names ...string) (items *node, at string) {
	if n.kind == kindArray {
		return n, ""
	}
	if n.kind != kindObject {
		r.invalid("", "must be an array, or an object with "+names[0])
		return &node{kind: kindArray}, ""
	}
	o := r.object(n, "")
	defer o.close()
	for _, name := range names {
		v := o.take(name)
		if v != nil && items == nil {
			items, at = v, secgroup.Pointer(name)
		} else if v != nil {
			o.invalid(o.pointer(name), "is another name of "+at[1:]+", which is there too")
		}
	}
	o.readOnly("next_cursor", "revision", "effects", "realization")
	if items == nil {
		o.invalid("/"+names[0], "is missing")
		return &node{kind: kindArray}, ""
	}
	return items, at
}
