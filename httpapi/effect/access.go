package effect

import (
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// Access is what a dry run says the change would let through, and stop.
type Access struct {
	NewlyAllowed    []AccessEntry `json:"newly_allowed"`
	NoLongerAllowed []AccessEntry `json:"no_longer_allowed"`
	More            bool          `json:"more"` // than are listed
}

// AccessEntry is one service of a group's NICs, or of one NIC.
type AccessEntry struct {
	Group     *string            `json:"group"`
	NIC       *string            `json:"nic"`
	Direction secgroup.Direction `json:"direction"`
	Family    secgroup.Family    `json:"family"`
	Protocol  secgroup.Protocol  `json:"protocol"`
	PortMin   *int               `json:"port_min"` // null: all ports
	PortMax   *int               `json:"port_max"`
	ICMPType  *int               `json:"icmp_type"`
	ICMPCode  *int               `json:"icmp_code"`
	Remote    AccessRemote       `json:"remote"`
}

// AccessRemote is everything if all of it is null.
type AccessRemote struct {
	CIDR  *string `json:"cidr"`
	Group *string `json:"group"`
	NIC   *string `json:"nic"` // the one member of the group that it is about
}

// ShowAccess shows a diff as far as it is an account's business; "" is the
// platform, whose business all of it is.
func ShowAccess(account string, before, after *secgroup.Snapshot, d plan.AccessDiff) *Access {
	sees := Visible{account, []*secgroup.Snapshot{before, after}}
	show := func(all []plan.Access) []AccessEntry {
		out := []AccessEntry{}
		for _, a := range all {
			if account != "" && (a.NIC == "" && a.Group.Account != account || a.NIC != "" && !sees.NIC(a.NIC)) {
				continue // another's
			}
			if !sees.NIC(a.RemoteNIC) {
				a.RemoteNIC = ""
			}
			owner := account
			if owner == "" {
				owner = a.Group.Account
			}
			e := AccessEntry{
				Group: shape.GroupText(owner, a.Group), NIC: strictjson.TextOrNull(a.NIC), Direction: a.Direction, Family: a.Service.Family, Protocol: a.Service.Protocol,
				ICMPType: shape.Optional8(a.Service.ICMPType), ICMPCode: shape.Optional8(a.Service.ICMPCode),
				Remote: AccessRemote{shape.PrefixText(a.Remote.CIDR), RemoteName(after, owner, a.Remote.Group), strictjson.TextOrNull(a.RemoteNIC)},
			}
			if a.Service.PortMin > 0 || a.Service.PortMax < 65535 {
				e.PortMin, e.PortMax = shape.Positive(int(a.Service.PortMin)), shape.Positive(int(a.Service.PortMax))
			}
			out = append(out, e)
		}
		return out
	}
	return &Access{show(d.Allowed), show(d.Denied), d.More}
}
