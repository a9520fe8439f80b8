package httpapi

import (
	"github.com/ringfence/ringfence/secgroup"
)

// A PATCH is a JSON Merge Patch (RFC 7396) of what a PUT of the object as it is
// would say, and the result is read as a PUT. The functions here make that
// document; it has no rules, so that a group's rules stay as they are unless
// the patch gives others.

func writableGroup(g *secgroup.Group) map[string]any {
	return map[string]any{
		"name": g.Name, "description": g.Description, "tags": g.Tags,
		"egress_policy": g.EgressPolicy, "network_scope": g.NetworkScope, "networks": g.Networks,
	}
}

func writableRule(g secgroup.GroupRef, r *secgroup.Rule) map[string]any {
	return map[string]any{
		"direction": r.Direction, "family": r.Family, "protocol": r.Protocol,
		"port_min": positive(int(r.PortMin)), "port_max": positive(int(r.PortMax)),
		"icmp_type": optional8(r.ICMPType), "icmp_code": optional8(r.ICMPCode),
		"remote_cidr": prefixText(r.RemoteCIDR), "remote_group": groupText(g.Account, r.RemoteGroup),
		"description": r.Description, "enabled": r.Enabled,
	}
}

func writableAccount(a *secgroup.Account) any {
	return map[string]any{
		"settings": settingsJSON{a.EgressPolicyDefault, a.EgressOpenGuard}, "quotas": a.Quotas,
	}
}

// settingsInPlace moves settings that a patch gives beside "settings" into it,
// or leaves them beside what is not an object: null, which takes all others away.
func settingsInPlace(patch *node) *node {
	out, settings := &node{kind: kindObject}, &node{kind: kindObject}
	for _, f := range patch.fields {
		switch f.name {
		case "egress_policy_default", "egress_open_guard":
			settings.fields = append(settings.fields, f)
		default:
			out.fields = append(out.fields, f)
		}
	}
	switch given := out.get("settings"); {
	case given == nil && len(settings.fields) > 0:
		out.fields = append(out.fields, field{"settings", settings})
	case given != nil && given.kind == kindObject:
		given.fields = append(given.fields, settings.fields...)
	default:
		out.fields = append(out.fields, settings.fields...)
	}
	return out
}
