package shape

import (
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/secgroup"
)

// A PATCH is a JSON Merge Patch (RFC 7396) of what a PUT of the object as it is
// would say, and the result is read as a PUT. The functions here make that
// document; it has no rules, so that a group's rules stay as they are unless
// the patch gives others.

// WritableGroup is a group as a PUT would say it, without its rules.
func WritableGroup(g *secgroup.Group) map[string]any {
	return map[string]any{
		"name": g.Name, "description": g.Description, "tags": g.Tags,
		"egress_policy": g.EgressPolicy, "network_scope": g.NetworkScope, "networks": g.Networks,
	}
}

// WritableRule is a rule of a group as a PUT would say it.
func WritableRule(g secgroup.GroupRef, r *secgroup.Rule) map[string]any {
	return map[string]any{
		"direction": r.Direction, "family": r.Family, "protocol": r.Protocol,
		"port_min": Positive(int(r.PortMin)), "port_max": Positive(int(r.PortMax)),
		"icmp_type": Optional8(r.ICMPType), "icmp_code": Optional8(r.ICMPCode),
		"remote_cidr": PrefixText(r.RemoteCIDR), "remote_group": GroupText(g.Account, r.RemoteGroup),
		"description": r.Description, "enabled": r.Enabled,
	}
}

// WritableAccount is an account as a PUT would say it.
func WritableAccount(a *secgroup.Account) any {
	return map[string]any{
		"settings": Settings{a.EgressPolicyDefault, a.EgressOpenGuard}, "quotas": a.Quotas,
	}
}

// SettingsInPlace moves settings that a patch gives beside "settings" into it,
// or leaves them beside what is not an object: null, which takes all others away.
func SettingsInPlace(patch *strictjson.Node) *strictjson.Node {
	out, settings := &strictjson.Node{Kind: strictjson.KindObject}, &strictjson.Node{Kind: strictjson.KindObject}
	for _, f := range patch.Fields {
		switch f.Name {
		case "egress_policy_default", "egress_open_guard":
			settings.Fields = append(settings.Fields, f)
		default:
			out.Fields = append(out.Fields, f)
		}
	}
	switch given := out.Get("settings"); {
	case given == nil && len(settings.Fields) > 0:
		out.Fields = append(out.Fields, strictjson.Field{Name: "settings", Value: settings})
	case given != nil && given.Kind == strictjson.KindObject:
		given.Fields = append(given.Fields, settings.Fields...)
	default:
		out.Fields = append(out.Fields, settings.Fields...)
	}
	return out
}
