package shape

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/secgroup"
)

// Documents are objects as events and the audit log compare them: what a
// caller decides about them, and nothing that follows from other objects.

// objectKinds are the names of kinds of objects.
var objectKinds = map[secgroup.Kind]string{
	secgroup.KindAccount: "account", secgroup.KindNetwork: "network", secgroup.KindInstance: "instance", secgroup.KindNIC: "nic",
	secgroup.KindGroup: "security-group", secgroup.KindAttachment: "attachment", secgroup.KindBaseline: "baseline",
}

// Document returns an object as JSON values (maps, slices, strings, float64,
// bool, nil). It is nil for an absent one. Of a group's rules in same it has the
// id alone.
func Document(o secgroup.Object, same map[string]bool) (any, error) {
	var shown any
	switch o := o.(type) {
	case nil:
		return nil, nil
	case *secgroup.Account:
		shown = WritableAccount(o)
	case *secgroup.Network:
		shown = map[string]any{
			"type": o.Type, "vpc": strictjson.TextOrNull(o.VPC), "prefixes": texts(o.Prefixes), "vlan": vlanText(o),
			"routing_domain": o.RoutingDomain, "gateways": texts(o.Gateways),
		}
	case *secgroup.Instance:
		shown = map[string]any{"name": o.Name}
	case *secgroup.NIC:
		shown = map[string]any{
			"account": o.Account, "instance": strictjson.TextOrNull(o.Instance), "network": o.Network, "mac": o.MAC.String(),
			"addresses": texts(o.Addresses), "allowed_addresses": texts(o.AllowedAddresses),
			"enforcement": o.Enforcement, "dhcp_server": o.DHCPServer, "hosts": strictjson.Array(o.Hosts),
		}
	case *secgroup.Group:
		group := WritableGroup(o)
		rules := make([]any, len(o.Rules))
		for i := range o.Rules {
			rule := map[string]any{}
			if !same[o.Rules[i].ID] {
				rule = WritableRule(o.GroupRef, &o.Rules[i])
			}
			rule["id"] = o.Rules[i].ID
			rules[i] = rule
		}
		group["rules"] = rules
		if len(o.Shares) > 0 {
			group["shares"] = ShowShared(o)
		}
		shown = group
	case *secgroup.Attachment:
		shown = Attachment{groupOfAttachment(o), o.NIC, o.Instance}
	case *secgroup.Baseline:
		shown = map[string]any{"addresses": ShowBaseline(o).Addresses}
	default:
		return nil, fmt.Errorf("no document of a %T", o)
	}
	return strictjson.Values(shown), nil
}

// Change is what became of one object.
type Change struct {
	Kind    string `json:"kind"`
	Account string `json:"account,omitempty"`
	ID      string `json:"id,omitempty"`
	Action  string `json:"action"` // created, updated, deleted
	// Patch leads from the object before to the one after (RFC 6902): "" is
	// the whole object, for one that came or went.
	Patch        []strictjson.Op `json:"patch"`
	PatchOmitted bool            `json:"patch_omitted,omitempty"` // it would be too long
}

// sameRules are the rules that two states of a group share: no patch has them,
// and a group may have a thousand.
func sameRules(before, after secgroup.Object) map[string]bool {
	old, _ := before.(*secgroup.Group)
	now, _ := after.(*secgroup.Group)
	same := map[string]bool{}
	if old == nil || now == nil {
		return same
	}
	for i := range now.Rules {
		r := now.Rules[i]
		at, found := slices.BinarySearchFunc(old.Rules, r.ID, func(o secgroup.Rule, id string) int { return strings.Compare(o.ID, id) })
		if found {
			r.Revision = old.Rules[at].Revision
			same[r.ID] = r == old.Rules[at]
		}
	}
	return same
}

// maxPatchBytes bounds one object's patch in events and in the audit log.
const maxPatchBytes = 16 << 10

// ShowChange compares two states of an object, nil for absent. changed is false
// if a caller sees no difference.
func ShowChange(k secgroup.Key, before, after secgroup.Object) (out Change, changed bool, err error) {
	out = Change{Kind: objectKinds[k.Kind], Account: AccountOf(k, before, after), ID: k.ID}
	for _, o := range []secgroup.Object{before, after} {
		if a, ok := o.(*secgroup.Attachment); ok && a != nil {
			out.ID = groupOfAttachment(a)
		}
	}
	same := sameRules(before, after)
	from, err := Document(before, same)
	if err != nil {
		return out, false, err
	}
	to, err := Document(after, same)
	if err != nil {
		return out, false, err
	}
	switch {
	case from == nil && to == nil:
		return out, false, nil
	case from == nil:
		out.Action, out.Patch = "created", []strictjson.Op{{Op: "add", Path: "", Value: to}}
	case to == nil:
		out.Action, out.Patch = "deleted", []strictjson.Op{{Op: "remove", Path: "", Value: nil}}
	default:
		out.Action, out.Patch = "updated", strictjson.Diff(from, to)
	}
	if size, err := json.Marshal(out.Patch); err != nil || len(size) > maxPatchBytes {
		out.Patch, out.PatchOmitted = []strictjson.Op{}, true
	}
	return out, len(out.Patch) > 0 || out.PatchOmitted, nil
}

// groupOfAttachment names the group to the account whose NIC or instance it is
// attached to.
func groupOfAttachment(a *secgroup.Attachment) string {
	return a.Group.Within(cmp.Or(a.Holder, a.Group.Account))
}

// AccountOf says whose object it is, "" for one of the platform. An attachment
// is the holder's, who makes it.
func AccountOf(k secgroup.Key, states ...secgroup.Object) string {
	switch k.Kind {
	case secgroup.KindAccount:
		return k.ID
	case secgroup.KindNIC:
		for _, o := range states {
			if n, ok := o.(*secgroup.NIC); ok && n != nil {
				return n.Account
			}
		}
	case secgroup.KindAttachment:
		for _, o := range states {
			if a, ok := o.(*secgroup.Attachment); ok && a != nil && a.Holder != "" {
				return a.Holder
			}
		}
	default: // its account's
	}
	return k.Account
}

// Attachment is one attachment.
type Attachment struct {
	Group    string `json:"group"`
	NIC      string `json:"nic,omitempty"`
	Instance string `json:"instance,omitempty"`
}
