package httpapi

import (
	"github.com/ringfence/ringfence/httpapi/strictjson"
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
func settingsInPlace(patch *strictjson.Node) *strictjson.Node {
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
