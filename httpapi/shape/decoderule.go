package shape

import (
	"net/netip"
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// ruleAliases are other names of a rule's fields, accepted on input.
var ruleAliases = map[string]string{"start_port": "port_min", "end_port": "port_max"}

// WithoutAliases gives the fields of a rule their own names. A field that is
// there under both names keeps its alias, which reads as unknown.
func WithoutAliases(n *strictjson.Node) *strictjson.Node {
	if n.Kind != strictjson.KindObject {
		return n
	}
	out := &strictjson.Node{Kind: strictjson.KindObject}
	for _, f := range n.Fields {
		if own := ruleAliases[f.Name]; own != "" && n.Get(own) == nil {
			f.Name = own
		}
		out.Fields = append(out.Fields, f)
	}
	return out
}

// ReadRule reads a rule of group ref. With freeID it may bring an id of its own;
// else an id may only repeat the given one, which is "" if the server is to
// name the rule.
func ReadRule(r *strictjson.Reader, n *strictjson.Node, at string, ref secgroup.GroupRef, id string, freeID bool) secgroup.Rule {
	o := r.Object(WithoutAliases(n), at)
	defer o.Close()
	rule := secgroup.Rule{
		ID:        id,
		Direction: secgroup.Direction(strings.ToLower(o.Text("direction"))),
		Family:    secgroup.Family(strings.ToLower(o.Text("family"))),
		Enabled:   true,
	}
	if freeID {
		rule.ID = o.Text("id")
	} else {
		o.Fixed("id", id)
	}
	if ref.ID != "" {
		o.Fixed("group", ref.ID)
	}
	rule.PortMin = readPort(o, "port_min")
	rule.PortMax = readPort(o, "port_max")
	rule.ICMPType = readOpt8(o, "icmp_type")
	rule.ICMPCode = readOpt8(o, "icmp_code")
	rule.Protocol = ReadProtocol(o)
	if rule.Protocol == "" {
		rule.Protocol = likelyProtocol(&rule) // to look for other faults; there is one already
	}
	rule.RemoteCIDR = readCIDR(o, "remote_cidr")
	rule.RemoteGroup = readGroupRef(o, "remote_group", ref.Account)
	rule.Description = o.Text("description")
	if enabled := o.Bool("enabled"); enabled != nil {
		rule.Enabled = *enabled
	}
	o.ReadOnly("group", "origin", "inert", "revision", "via", "hits", "effects", "realization")
	return rule
}

// ReadProtocol reads a name or a number, the number also as a string. It is "" if
// there is a fault.
func ReadProtocol(o *strictjson.Object) secgroup.Protocol {
	v := o.Take("protocol")
	switch {
	case v == nil:
		o.Invalid(o.Pointer("protocol"), "is missing: all, tcp, udp, icmp or a number 0-255")
	case v.Kind == strictjson.KindNumber, v.Kind == strictjson.KindString:
		p, err := secgroup.ParseProtocol(v.Text)
		if err == nil {
			return p
		}
		o.Invalid(o.Pointer("protocol"), err.Error())
	default:
		o.Is(v, strictjson.KindString, o.Pointer("protocol"))
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
func readPort(o *strictjson.Object, name string) uint16 {
	p, _ := o.OptionalInt(name, 1, 65535)
	return uint16(p)
}

// readOpt8 reads an ICMP type or code; -1 is absent.
func readOpt8(o *strictjson.Object, name string) secgroup.Opt8 {
	v, ok := o.OptionalInt(name, 0, 255)
	if !ok {
		return secgroup.Opt8{}
	}
	return secgroup.Some8(uint8(v))
}

func readCIDR(o *strictjson.Object, name string) netip.Prefix {
	v := o.Take(name)
	if v == nil || !o.Is(v, strictjson.KindString, o.Pointer(name)) {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(v.Text)
	if err != nil {
		o.Invalid(o.Pointer(name), "is not a CIDR such as 10.0.0.0/8 or 2001:db8::/32")
		return netip.Prefix{}
	}
	return p
}

// readGroupRef reads a group's name to an account.
func readGroupRef(o *strictjson.Object, name, account string) secgroup.GroupRef {
	v := o.Take(name)
	if v == nil || !o.Is(v, strictjson.KindString, o.Pointer(name)) {
		return secgroup.GroupRef{}
	}
	ref := secgroup.ParseGroupRef(account, v.Text)
	if ref == (secgroup.GroupRef{}) { // To a rule this is no group, which is everybody.
		o.Invalid(o.Pointer(name), "is not a group's id, or another account's as account/id")
	}
	return ref
}

// ReadRuleSet reads an array of rules, which is at a pointer.
func ReadRuleSet(r *strictjson.Reader, n *strictjson.Node, at string, ref secgroup.GroupRef) *plan.RuleSet {
	set := &plan.RuleSet{At: at, Rules: []secgroup.Rule{}}
	for i, item := range r.Items(n, at, MaxRules) {
		set.Rules = append(set.Rules, ReadRule(r, item, at+secgroup.Pointer(i), ref, "", true))
	}
	return set
}

// ReadArray finds the array in a body that is one, or that is an object with the
// array under one of the names, as list answers have it under "items".
func ReadArray(r *strictjson.Reader, n *strictjson.Node, names ...string) (items *strictjson.Node, at string) {
	if n.Kind == strictjson.KindArray {
		return n, ""
	}
	if n.Kind != strictjson.KindObject {
		r.Invalid("", "must be an array, or an object with "+names[0])
		return &strictjson.Node{Kind: strictjson.KindArray}, ""
	}
	o := r.Object(n, "")
	defer o.Close()
	for _, name := range names {
		v := o.Take(name)
		if v != nil && items == nil {
			items, at = v, secgroup.Pointer(name)
		} else if v != nil {
			o.Invalid(o.Pointer(name), "is another name of "+at[1:]+", which is there too")
		}
	}
	o.ReadOnly("next_cursor", "revision", "effects", "realization")
	if items == nil {
		o.Invalid("/"+names[0], "is missing")
		return &strictjson.Node{Kind: strictjson.KindArray}, ""
	}
	return items, at
}
