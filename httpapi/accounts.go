package httpapi

import (
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

var accountList = listing[*secgroup.Account]{
	items: func(_ *call, v *plan.View) ([]*secgroup.Account, error) { return v.Accounts(), nil },
	key:   func(a *secgroup.Account) string { return a.ID },
	show: func(_ *call, v *plan.View) func(*secgroup.Account) any {
		return func(a *secgroup.Account) any { return showAccount(v, a) }
	},
}

func accountBody(v *plan.View, id string) (any, string) {
	a := v.Account(id)
	if a == nil {
		return nil, ""
	}
	return showAccount(v, a), plan.Tag(a.Revision)
}

func getAccount(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return accountBody(v, c.account) })
}

func (c *call) showWrittenAccount(v *plan.View, _ plan.Result) (any, string) {
	return accountBody(v, c.account)
}

func putAccount(c *call) error {
	n, r, err := c.objectBody()
	if err != nil {
		return err
	}
	spec := readAccount(r, n, c.account)
	return c.mutate(mutation{faults: r.Faults, show: c.showWrittenAccount,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutAccount(s, req, c.account, spec)
		}})
}

func patchAccount(c *call) error {
	patch, r, err := c.objectBody()
	if err != nil {
		return err
	}
	patch = settingsInPlace(patch)
	return c.mutate(mutation{faults: r.Faults, show: c.showWrittenAccount,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PatchAccount(s, req, c.account, func(a *secgroup.Account) (plan.AccountSpec, secgroup.Faults) {
				return strictjson.Edit(writableAccount(a), patch, func(r *strictjson.Reader, n *strictjson.Node) plan.AccountSpec { return readAccount(r, n, c.account) })
			})
		}})
}

func deleteAccount(c *call) error {
	if err := c.noBody(); err != nil {
		return err
	}
	return c.mutate(mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.DeleteAccount(s, req, c.account)
	}})
}

var instanceList = listing[*secgroup.Instance]{
	items: func(c *call, v *plan.View) ([]*secgroup.Instance, error) {
		if v.Account(c.account) == nil {
			return nil, transport.NotFound()
		}
		return v.Instances(c.account), nil
	},
	key: func(i *secgroup.Instance) string { return i.ID },
	keep: func(c *call, _ *plan.View) (func(*secgroup.Instance) bool, error) {
		name, prefix := c.query("name"), c.query("name_prefix")
		return func(i *secgroup.Instance) bool {
			return (name == "" || i.Name == name) && strings.HasPrefix(i.Name, prefix)
		}, nil
	},
	show: func(_ *call, v *plan.View) func(*secgroup.Instance) any {
		return func(i *secgroup.Instance) any { return showInstance(v, i) }
	},
}

func (c *call) instanceRef() secgroup.InstanceRef {
	return secgroup.InstanceRef{Account: c.account, ID: c.param("instance")}
}

func instanceBody(v *plan.View, ref secgroup.InstanceRef) (any, string) {
	i := v.Instance(ref)
	if i == nil {
		return nil, ""
	}
	return showInstance(v, i), plan.Tag(i.Revision)
}

func getInstance(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return instanceBody(v, c.instanceRef()) })
}

func putInstance(c *call) error {
	n, r, err := c.objectBody()
	if err != nil {
		return err
	}
	ref := c.instanceRef()
	name := readInstance(r, n, ref)
	return c.mutate(mutation{faults: r.Faults,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutInstance(s, req, ref, name)
		},
		show: func(v *plan.View, _ plan.Result) (any, string) { return instanceBody(v, ref) },
	})
}

func deleteInstance(c *call) error {
	if err := c.noBody(); err != nil {
		return err
	}
	return c.mutate(mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.DeleteInstance(s, req, c.instanceRef())
	}})
}
