package httpapi

import (
	"strings"

	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

var accountList = listing[*secgroup.Account]{
	items: func(_ *call, v *plan.View) ([]*secgroup.Account, error) { return v.Accounts(), nil },
	key:   func(a *secgroup.Account) string { return a.ID },
	show: func(_ *call, v *plan.View) func(*secgroup.Account) any {
		return func(a *secgroup.Account) any { return shape.ShowAccount(v, a) }
	},
}

func accountBody(v *plan.View, id string) (any, string) {
	a := v.Account(id)
	if a == nil {
		return nil, ""
	}
	return shape.ShowAccount(v, a), plan.Tag(a.Revision)
}

func getAccount(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return accountBody(v, c.in.Account) })
}

func showWrittenAccount(now after) (any, string) { return accountBody(now.view, now.result.Key.ID) }

func putAccount(in *transport.Input) (mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	spec := shape.ReadAccount(r, n, in.Account)
	return mutation{faults: r.Faults, show: showWrittenAccount,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutAccount(s, req, in.Account, spec)
		}}, nil
}

func patchAccount(in *transport.Input) (mutation, error) {
	patch, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	patch = shape.SettingsInPlace(patch)
	return mutation{faults: r.Faults, show: showWrittenAccount,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PatchAccount(s, req, in.Account, func(a *secgroup.Account) (plan.AccountSpec, secgroup.Faults) {
				return strictjson.Edit(shape.WritableAccount(a), patch, func(r *strictjson.Reader, n *strictjson.Node) plan.AccountSpec {
					return shape.ReadAccount(r, n, in.Account)
				})
			})
		}}, nil
}

func deleteAccount(in *transport.Input) (mutation, error) {
	if err := in.NoBody(); err != nil {
		return mutation{}, err
	}
	return mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.DeleteAccount(s, req, in.Account)
	}}, nil
}

var instanceList = listing[*secgroup.Instance]{
	items: func(c *call, v *plan.View) ([]*secgroup.Instance, error) {
		if v.Account(c.in.Account) == nil {
			return nil, transport.NotFound()
		}
		return v.Instances(c.in.Account), nil
	},
	key: func(i *secgroup.Instance) string { return i.ID },
	keep: func(c *call, _ *plan.View) (func(*secgroup.Instance) bool, error) {
		name, prefix := c.in.Query("name"), c.in.Query("name_prefix")
		return func(i *secgroup.Instance) bool {
			return (name == "" || i.Name == name) && strings.HasPrefix(i.Name, prefix)
		}, nil
	},
	show: func(_ *call, v *plan.View) func(*secgroup.Instance) any {
		return func(i *secgroup.Instance) any { return shape.ShowInstance(v, i) }
	},
}

func instanceBody(v *plan.View, ref secgroup.InstanceRef) (any, string) {
	i := v.Instance(ref)
	if i == nil {
		return nil, ""
	}
	return shape.ShowInstance(v, i), plan.Tag(i.Revision)
}

func getInstance(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return instanceBody(v, c.in.Instance()) })
}

func putInstance(in *transport.Input) (mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	ref := in.Instance()
	name := shape.ReadInstance(r, n, ref)
	return mutation{faults: r.Faults,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutInstance(s, req, ref, name)
		},
		show: func(now after) (any, string) { return instanceBody(now.view, ref) },
	}, nil
}

func deleteInstance(in *transport.Input) (mutation, error) {
	if err := in.NoBody(); err != nil {
		return mutation{}, err
	}
	return mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.DeleteInstance(s, req, in.Instance())
	}}, nil
}
