package httpapi

import (
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// accessJSON is what a dry run says the change would let through, and stop.
type accessJSON struct {
	NewlyAllowed    []accessEntryJSON `json:"newly_allowed"`
	NoLongerAllowed []accessEntryJSON `json:"no_longer_allowed"`
	More            bool              `json:"more"` // than are listed
}

// accessEntryJSON is one service of a group's NICs, or of one NIC.
type accessEntryJSON struct {
	Group     *string            `json:"group"`
	NIC       *string            `json:"nic"`
	Direction secgroup.Direction `json:"direction"`
	Family    secgroup.Family    `json:"family"`
	Protocol  secgroup.Protocol  `json:"protocol"`
	PortMin   *int               `json:"port_min"` // null: all ports
	PortMax   *int               `json:"port_max"`
	ICMPType  *int               `json:"icmp_type"`
	ICMPCode  *int               `json:"icmp_code"`
	Remote    accessRemoteJSON   `json:"remote"`
}

// accessRemoteJSON is everything if all of it is null.
type accessRemoteJSON struct {
	CIDR  *string `json:"cidr"`
	Group *string `json:"group"`
	NIC   *string `json:"nic"` // the one member of the group that it is about
}

// showAccess shows a diff as far as it is an account's business; "" is the
// platform, whose business all of it is.
func showAccess(account string, before, after *plan.View, d plan.AccessDiff) *accessJSON {
	sees := visible{account, []*plan.View{before, after}}
	show := func(all []plan.Access) []accessEntryJSON {
		out := []accessEntryJSON{}
		for _, a := range all {
			if account != "" && (a.NIC == "" && a.Group.Account != account || a.NIC != "" && !sees.nic(a.NIC)) {
				continue // another's
			}
			if !sees.nic(a.RemoteNIC) {
				a.RemoteNIC = ""
			}
			owner := account
			if owner == "" {
				owner = a.Group.Account
			}
			e := accessEntryJSON{
				Group: shape.GroupText(owner, a.Group), NIC: strictjson.TextOrNull(a.NIC), Direction: a.Direction, Family: a.Service.Family, Protocol: a.Service.Protocol,
				ICMPType: shape.Optional8(a.Service.ICMPType), ICMPCode: shape.Optional8(a.Service.ICMPCode),
				Remote: accessRemoteJSON{shape.PrefixText(a.Remote.CIDR), remoteName(after, owner, a.Remote.Group), strictjson.TextOrNull(a.RemoteNIC)},
			}
			if a.Service.PortMin > 0 || a.Service.PortMax < 65535 {
				e.PortMin, e.PortMax = shape.Positive(int(a.Service.PortMin)), shape.Positive(int(a.Service.PortMax))
			}
			out = append(out, e)
		}
		return out
	}
	return &accessJSON{show(d.Allowed), show(d.Denied), d.More}
}
