package httpapi

import (
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// nicList holds an account's NICs. Where they are plugged is what the hosts
// say now, on every page; all else is of the list's revision.
var nicList = listing[*secgroup.NIC]{
	items: func(c *call, v *plan.View) ([]*secgroup.NIC, error) {
		if v.Account(c.account) == nil {
			return nil, transport.NotFound()
		}
		return v.NICsOfAccount(c.account), nil
	},
	key: func(n *secgroup.NIC) string { return n.ID },
	keep: func(c *call, _ *plan.View) (func(*secgroup.NIC) bool, error) {
		network, instance := c.query("network"), c.query("instance")
		return func(n *secgroup.NIC) bool {
			return (network == "" || n.Network == network) && (instance == "" || n.Instance == instance)
		}, nil
	},
	show: func(c *call, v *plan.View) func(*secgroup.NIC) any {
		at := placement{hosts: c.api.store.Hosts()}.indexed()
		return func(n *secgroup.NIC) any { return showNIC(v, at, n) }
	},
}

// nicBody shows a NIC of an account, or of any if account is "".
func (c *call) nicBody(v *plan.View, account, id string) (any, string) {
	n := v.NIC(id)
	if n == nil || account != "" && n.Account != account {
		return nil, ""
	}
	return showNIC(v, placement{hosts: c.api.store.Hosts()}, n), plan.Tag(n.Revision)
}

func getNIC(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return c.nicBody(v, c.account, c.param("nic")) })
}

func getPlatformNIC(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return c.nicBody(v, "", c.param("nic")) })
}

func putNIC(c *call) error {
	n, r, err := c.objectBody()
	if err != nil {
		return err
	}
	nic := readNIC(r, n, c.param("nic"))
	return c.mutate(mutation{faults: r.Faults,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutNIC(s, req, nic)
		},
		show: func(v *plan.View, _ plan.Result) (any, string) { return c.nicBody(v, "", nic.ID) },
	})
}

func deleteNIC(c *call) error {
	if err := c.noBody(); err != nil {
		return err
	}
	return c.mutate(mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.DeleteNIC(s, req, c.param("nic"))
	}})
}

// effectiveRule is a rule that judges a NIC, and why its group does.
type effectiveRule struct {
	groupRule
	via secgroup.Via
}

type effectiveRuleJSON struct {
	ruleJSON
	Via secgroup.Via `json:"via"`
}

// effectiveRuleList is sorted by group and rule.
var effectiveRuleList = listing[numbered[effectiveRule]]{
	items: func(c *call, v *plan.View) ([]numbered[effectiveRule], error) {
		n := v.NIC(c.param("nic"))
		if n == nil || n.Account != c.account {
			return nil, transport.NotFound()
		}
		var out []effectiveRule
		for _, e := range v.EffectiveGroups(n) {
			g := v.Group(e.Group)
			for i := range g.Rules {
				out = append(out, effectiveRule{groupRule{g, &g.Rules[i]}, e.Via})
			}
		}
		return enumerate(out), nil
	},
	key: placeOf[effectiveRule],
	show: func(c *call, v *plan.View) func(numbered[effectiveRule]) any {
		in := plan.NewInertness(v)
		return func(r numbered[effectiveRule]) any {
			shown := showRule(in, r.item.group, r.item.rule)
			shown.Group = r.item.group.Within(c.account)
			shown.RemoteGroup = remoteName(v, c.account, r.item.rule.RemoteGroup)
			return effectiveRuleJSON{shown, r.item.via}
		}
	},
}
