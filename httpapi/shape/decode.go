package shape

import (
	"net/netip"
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// MaxRules bounds the rules of a group in one body.
const MaxRules = 5000

// Fields of every answer that requests may repeat.
var answerFields = []string{"created_at", "updated_at", "revision", "effects", "realization"}

// ReadGroup reads a group; id is "" if the server is to name it.
func ReadGroup(r *strictjson.Reader, n *strictjson.Node, ref secgroup.GroupRef) plan.GroupSpec {
	o := r.Object(n, "")
	defer o.Close()
	o.Fixed("id", ref.ID)
	o.Fixed("account", ref.Account)
	spec := plan.GroupSpec{
		Name:         o.Text("name"),
		Description:  o.Text("description"),
		Tags:         o.StringMap("tags"),
		EgressPolicy: secgroup.EgressPolicy(strings.ToLower(o.Text("egress_policy"))),
		NetworkScope: secgroup.NetworkScope(strings.ToLower(o.Text("network_scope"))),
		Networks:     o.Strings("networks"),
		DefaultRules: o.Bool("default_rules"),
	}
	if v := o.Take("rules"); v != nil {
		spec.Rules = ReadRuleSet(r, v, "/rules", ref)
	}
	o.ReadOnly("is_default", "egress_restricts", "shares")
	o.ReadOnly(answerFields...)
	return spec
}

// ReadAccount reads an account's settings, which may also stand beside "settings"
// instead of in it.
func ReadAccount(r *strictjson.Reader, n *strictjson.Node, id string) plan.AccountSpec {
	o := r.Object(n, "")
	defer o.Close()
	o.Fixed("id", id)
	settings := o
	if v := o.Take("settings"); v != nil {
		settings = r.Object(v, "/settings")
		defer settings.Close()
	}
	spec := plan.AccountSpec{}
	for _, from := range []*strictjson.Object{settings, o} {
		if p := from.Text("egress_policy_default"); p != "" {
			spec.EgressPolicyDefault = secgroup.EgressPolicy(strings.ToLower(p))
		}
		if g := from.Text("egress_open_guard"); g != "" {
			spec.EgressOpenGuard = secgroup.EgressOpenGuard(strings.ToLower(g))
		}
		if q := readQuotas(from); q != nil {
			spec.Quotas = q
		}
	}
	o.ReadOnly(answerFields...)
	return spec
}

// readQuotas reads limits: {"groups": 100}, or {"groups": {"limit": 100}} as
// answers have it.
func readQuotas(o *strictjson.Object) map[string]int {
	v := o.Take("quotas")
	if v == nil || !o.Is(v, strictjson.KindObject, o.Pointer("quotas")) {
		return nil
	}
	limits := map[string]int{}
	each := o.Object(v, o.Pointer("quotas"))
	for _, f := range v.Fields {
		from, name := each, f.Name
		if f.Value.Kind == strictjson.KindObject {
			from, name = o.Object(f.Value, each.Pointer(f.Name)), "limit"
			from.ReadOnly("used", "default")
		}
		if limit, ok := from.Int(name, 0, 1<<31-1); ok {
			limits[f.Name] = int(limit)
		}
		if from != each {
			from.Close()
		}
	}
	return limits
}

// ReadNetwork reads a network.
func ReadNetwork(r *strictjson.Reader, n *strictjson.Node, id string) secgroup.Network {
	o := r.Object(n, "")
	defer o.Close()
	o.Fixed("id", id)
	net := secgroup.Network{
		ID:            id,
		Type:          secgroup.NetworkType(strings.ToLower(o.Text("type"))),
		VPC:           o.Text("vpc"),
		Prefixes:      strictjson.Parsed(o, "prefixes", "a CIDR", netip.ParsePrefix),
		RoutingDomain: o.Text("routing_domain"),
		Gateways:      strictjson.Parsed(o, "gateways", "an IP address", netip.ParseAddr),
	}
	vlan, _ := o.Int("vlan", 0, 4094)
	net.VLAN = uint16(vlan)
	net.Local = o.IsNull("vlan")
	o.ReadOnly("warnings")
	o.ReadOnly(answerFields...)
	return net
}

// ReadNIC reads a NIC.
func ReadNIC(r *strictjson.Reader, n *strictjson.Node, id string) secgroup.NIC {
	o := r.Object(n, "")
	defer o.Close()
	o.Fixed("id", id)
	nic := secgroup.NIC{
		ID:               id,
		Account:          o.Text("account"),
		Instance:         o.Text("instance"),
		Network:          o.Text("network"),
		Addresses:        strictjson.Parsed(o, "addresses", "an IP address", netip.ParseAddr),
		AllowedAddresses: strictjson.Parsed(o, "allowed_addresses", "a CIDR or an IP address", prefixOrAddress),
		Enforcement:      secgroup.Enforcement(strings.ToLower(o.Text("enforcement"))),
		Hosts:            o.Strings("hosts"),
	}
	if mac := o.Text("mac"); mac != "" {
		var err error
		if nic.MAC, err = secgroup.ParseMAC(mac); err != nil {
			o.Invalid("/mac", err.Error())
		}
	}
	if dhcp := o.Bool("dhcp_server"); dhcp != nil {
		nic.DHCPServer = *dhcp
	}
	o.ReadOnly("effective_groups", "egress_restricted", "because", "host", "ready", "realized_revision", "conflict", "warnings")
	o.ReadOnly(answerFields...)
	return nic
}

// prefixOrAddress reads a CIDR, or an address for the CIDR of that one address.
func prefixOrAddress(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

// ReadInstance reads an instance and returns its name.
func ReadInstance(r *strictjson.Reader, n *strictjson.Node, ref secgroup.InstanceRef) string {
	o := r.Object(n, "")
	defer o.Close()
	o.Fixed("id", ref.ID)
	o.Fixed("account", ref.Account)
	name := o.Text("name")
	o.ReadOnly("nics")
	o.ReadOnly(answerFields...)
	return name
}

// ReadBaseline reads the operator's addresses.
func ReadBaseline(r *strictjson.Reader, n *strictjson.Node) []secgroup.BaselineAddress {
	o := r.Object(n, "")
	defer o.Close()
	o.ReadOnly("guard")
	o.ReadOnly(answerFields...)
	if !o.Has("addresses") {
		o.Invalid("/addresses", "is missing")
	}
	items := o.List("addresses")
	out := make([]secgroup.BaselineAddress, len(items))
	for i, item := range items {
		b := r.Object(item, "/addresses"+secgroup.Pointer(i))
		a, err := netip.ParseAddr(b.Text("address"))
		if err != nil {
			b.Invalid(b.Pointer("address"), "is not an IP address")
		}
		port, _ := b.Int("port", 1, 65535)
		out[i] = secgroup.BaselineAddress{
			Address: a, Protocol: ReadProtocol(b), Port: uint16(port), Description: b.Text("description"),
		}
		b.Close()
	}
	return out
}

// ReadGroupIDs reads a list of groups: ids, or objects with an id.
func ReadGroupIDs(r *strictjson.Reader, n *strictjson.Node) (ids []string, at string) {
	array, at := ReadArray(r, n, "security_groups", "items")
	items := r.Items(array, at, strictjson.MaxItems)
	ids = make([]string, len(items))
	for i, item := range items {
		here := at + secgroup.Pointer(i)
		if item.Kind == strictjson.KindObject {
			o := r.Object(item, here)
			ids[i] = o.Text("id")
			o.ReadOnly("via", "name")
			o.Close()
		} else if r.Is(item, strictjson.KindString, here) {
			ids[i] = item.Text
		}
	}
	return ids, at
}

// ReadShare reads what an account is to be let do.
func ReadShare(r *strictjson.Reader, n *strictjson.Node, account string) secgroup.Share {
	o := r.Object(n, "")
	defer o.Close()
	o.Fixed("account", account)
	share := secgroup.Share{Account: account}
	for i, u := range o.Strings("use") {
		switch secgroup.Use(u) {
		case secgroup.UseAttach:
			share.Attach = true
		case secgroup.UseReference:
			share.Reference = true
		default:
			o.Invalid("/use"+secgroup.Pointer(i), "is attach or reference")
		}
	}
	o.ReadOnly("attachments", "rules")
	o.ReadOnly(answerFields...)
	return share
}
