package httpapi

import (
	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
)

// nicList holds an account's NICs. Where they are plugged is what the hosts
// say now, on every page; all else is of the list's revision.
var nicList = listing[*secgroup.NIC]{
	after: ofAccount((*secgroup.Snapshot).NICsOfAccountAfter),
	key:   func(n *secgroup.NIC) string { return n.ID },
	keep: func(c *call, _ *secgroup.Snapshot) (func(*secgroup.NIC) bool, error) {
		network, instance := c.in.Query("network"), c.in.Query("instance")
		return func(n *secgroup.NIC) bool {
			return (network == "" || n.Network == network) && (instance == "" || n.Instance == instance)
		}, nil
	},
	show: func(c *call, s *secgroup.Snapshot) func(*secgroup.NIC) any {
		at := realization.Placement{Places: c.api.store.Places}
		return func(n *secgroup.NIC) any { return shape.ShowNIC(s, at, n) }
	},
}

func getNIC(c *call) error {
	return c.object(func(s *secgroup.Snapshot) (any, string) {
		return change.NICBody(s, c.api.store.Places, c.in.Account, c.in.Param("nic"))
	})
}

func getPlatformNIC(c *call) error {
	return c.object(func(s *secgroup.Snapshot) (any, string) {
		return change.NICBody(s, c.api.store.Places, "", c.in.Param("nic"))
	})
}

// effectiveRule is a rule that judges a NIC, and why its group does.
type effectiveRule struct {
	groupRule
	via secgroup.Via
}

type effectiveRuleJSON struct {
	shape.Rule
	Via secgroup.Via `json:"via"`
}

// effectiveRuleList is sorted by group and rule.
var effectiveRuleList = listing[numbered[effectiveRule]]{
	items: func(c *call, s *secgroup.Snapshot) ([]numbered[effectiveRule], error) {
		n := s.NIC(c.in.Param("nic"))
		if n == nil || n.Account != c.in.Account {
			return nil, transport.NotFound()
		}
		var out []effectiveRule
		for _, e := range s.EffectiveGroups(n) {
			g := s.Group(e.Group)
			for i := range g.Rules {
				out = append(out, effectiveRule{groupRule{g, &g.Rules[i]}, e.Via})
			}
		}
		return enumerate(out), nil
	},
	key: placeOf[effectiveRule],
	show: func(c *call, s *secgroup.Snapshot) func(numbered[effectiveRule]) any {
		return func(r numbered[effectiveRule]) any {
			shown := shape.ShowRule(s, r.item.group, r.item.rule)
			shown.Group = r.item.group.Within(c.in.Account)
			shown.RemoteGroup = effect.RemoteName(s, c.in.Account, r.item.rule.RemoteGroup)
			return effectiveRuleJSON{shown, r.item.via}
		}
	},
}

func getAttachments(c *call) error {
	return c.object(func(s *secgroup.Snapshot) (any, string) {
		return change.AttachmentsBody(s, c.in.Account, c.in.Target())
	})
}
