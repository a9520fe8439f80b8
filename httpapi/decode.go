package httpapi

import (
	"net/netip"
	"strings"

	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// maxRules bounds the rules of a group in one body.
const maxRules = 5000

// Fields of every answer that requests may repeat.
var answerFields = []string{"created_at", "updated_at", "revision", "effects", "realization"}

// readGroup reads a group; id is "" if the server is to name it.
func readGroup(r *reading, n *node, ref secgroup.GroupRef) plan.GroupSpec {
	o := r.object(n, "")
	defer o.close()
	o.fixed("id", ref.ID)
	o.fixed("account", ref.Account)
	spec := plan.GroupSpec{
		Name:         o.str("name"),
		Description:  o.str("description"),
		Tags:         o.stringMap("tags"),
		EgressPolicy: secgroup.EgressPolicy(strings.ToLower(o.str("egress_policy"))),
		NetworkScope: secgroup.NetworkScope(strings.ToLower(o.str("network_scope"))),
		Networks:     o.strings("networks"),
		DefaultRules: o.boolean("default_rules"),
	}
	if v := o.take("rules"); v != nil {
		spec.Rules = readRuleSet(r, v, "/rules", ref)
	}
	o.readOnly("is_default", "egress_restricts", "shares")
	o.readOnly(answerFields...)
	return spec
}

// readAccount reads an account's settings, which may also stand beside "settings"
// instead of in it.
func readAccount(r *reading, n *node, id string) plan.AccountSpec {
	o := r.object(n, "")
	defer o.close()
	o.fixed("id", id)
	settings := o
	if v := o.take("settings"); v != nil {
		settings = r.object(v, "/settings")
		defer settings.close()
	}
	spec := plan.AccountSpec{}
	for _, from := range []*object{settings, o} {
		if p := from.str("egress_policy_default"); p != "" {
			spec.EgressPolicyDefault = secgroup.EgressPolicy(strings.ToLower(p))
		}
		if g := from.str("egress_open_guard"); g != "" {
			spec.EgressOpenGuard = secgroup.EgressOpenGuard(strings.ToLower(g))
		}
		if q := readQuotas(from); q != nil {
			spec.Quotas = q
		}
	}
	o.readOnly(answerFields...)
	return spec
}

// readQuotas reads limits: {"groups": 100}, or {"groups": {"limit": 100}} as
// answers have it.
func readQuotas(o *object) map[string]int {
	v := o.take("quotas")
	if v == nil || !o.is(v, kindObject, o.pointer("quotas")) {
		return nil
	}
	limits := map[string]int{}
	each := o.object(v, o.pointer("quotas"))
	for _, f := range v.fields {
		from, name := each, f.name
		if f.value.kind == kindObject {
			from, name = o.object(f.value, each.pointer(f.name)), "limit"
			from.readOnly("used", "default")
		}
		if limit, ok := from.integer(name, 0, 1<<31-1); ok {
			limits[f.name] = int(limit)
		}
		if from != each {
			from.close()
		}
	}
	return limits
}

// readNetwork reads a network.
func readNetwork(r *reading, n *node, id string) secgroup.Network {
	o := r.object(n, "")
	defer o.close()
	o.fixed("id", id)
	net := secgroup.Network{
		ID:            id,
		Type:          secgroup.NetworkType(strings.ToLower(o.str("type"))),
		VPC:           o.str("vpc"),
		Prefixes:      parsed(o, "prefixes", "a CIDR", netip.ParsePrefix),
		RoutingDomain: o.str("routing_domain"),
		Gateways:      parsed(o, "gateways", "an IP address", netip.ParseAddr),
	}
	vlan, _ := o.integer("vlan", 0, 4094)
	net.VLAN = uint16(vlan)
	net.Local = o.null("vlan")
	o.readOnly("warnings")
	o.readOnly(answerFields...)
	return net
}

// readNIC reads a NIC.
func readNIC(r *reading, n *node, id string) secgroup.NIC {
	o := r.object(n, "")
	defer o.close()
	o.fixed("id", id)
	nic := secgroup.NIC{
		ID:               id,
		Account:          o.str("account"),
		Instance:         o.str("instance"),
		Network:          o.str("network"),
		Addresses:        parsed(o, "addresses", "an IP address", netip.ParseAddr),
		AllowedAddresses: parsed(o, "allowed_addresses", "a CIDR or an IP address", prefixOrAddress),
		Enforcement:      secgroup.Enforcement(strings.ToLower(o.str("enforcement"))),
		Hosts:            o.strings("hosts"),
	}
	if mac := o.str("mac"); mac != "" {
		var err error
		if nic.MAC, err = secgroup.ParseMAC(mac); err != nil {
			o.invalid("/mac", err.Error())
		}
	}
	if dhcp := o.boolean("dhcp_server"); dhcp != nil {
		nic.DHCPServer = *dhcp
	}
	o.readOnly("effective_groups", "egress_restricted", "because", "host", "ready", "realized_revision", "conflict")
	o.readOnly(answerFields...)
	return nic
}

// prefixOrAddress reads a CIDR, or an address for the CIDR of that one address.
func prefixOrAddress(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

// readInstance reads an instance and returns its name.
func readInstance(r *reading, n *node, ref secgroup.InstanceRef) string {
	o := r.object(n, "")
	defer o.close()
	o.fixed("id", ref.ID)
	o.fixed("account", ref.Account)
	name := o.str("name")
	o.readOnly("nics")
	o.readOnly(answerFields...)
	return name
}

// readBaseline reads the operator's addresses.
func readBaseline(r *reading, n *node) []secgroup.BaselineAddress {
	o := r.object(n, "")
	defer o.close()
	o.readOnly("guard")
	o.readOnly(answerFields...)
	if !o.has("addresses") {
		o.invalid("/addresses", "is missing")
	}
	items := o.list("addresses")
	out := make([]secgroup.BaselineAddress, len(items))
	for i, item := range items {
		b := r.object(item, "/addresses"+secgroup.Pointer(i))
		a, err := netip.ParseAddr(b.str("address"))
		if err != nil {
			b.invalid(b.pointer("address"), "is not an IP address")
		}
		port, _ := b.integer("port", 1, 65535)
		out[i] = secgroup.BaselineAddress{
			Address: a, Protocol: readProtocol(b), Port: uint16(port), Description: b.str("description"),
		}
		b.close()
	}
	return out
}

// readGroupIDs reads a list of groups: ids, or objects with an id.
func readGroupIDs(r *reading, n *node) (ids []string, at string) {
	array, at := readArray(r, n, "security_groups", "items")
	items := r.items(array, at, maxItems)
	ids = make([]string, len(items))
	for i, item := range items {
		here := at + secgroup.Pointer(i)
		if item.kind == kindObject {
			o := r.object(item, here)
			ids[i] = o.str("id")
			o.readOnly("via", "name")
			o.close()
		} else if r.is(item, kindString, here) {
			ids[i] = item.text
		}
	}
	return ids, at
}
