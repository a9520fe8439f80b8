package httpapi

import (
	"strings"

	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/secgroup"
)

var accountList = listing[*secgroup.Account]{
	items: func(_ *call, s *secgroup.Snapshot) ([]*secgroup.Account, error) { return s.Accounts(), nil },
	key:   func(a *secgroup.Account) string { return a.ID },
	show: func(_ *call, s *secgroup.Snapshot) func(*secgroup.Account) any {
		return func(a *secgroup.Account) any { return shape.ShowAccount(s, a) }
	},
}

func getAccount(c *call) error {
	return c.object(func(s *secgroup.Snapshot) (any, string) { return change.AccountBody(s, c.in.Account) })
}

var instanceList = listing[*secgroup.Instance]{
	after: ofAccount((*secgroup.Snapshot).InstancesAfter),
	key:   func(i *secgroup.Instance) string { return i.ID },
	keep: func(c *call, _ *secgroup.Snapshot) (func(*secgroup.Instance) bool, error) {
		name, prefix := c.in.Query("name"), c.in.Query("name_prefix")
		return func(i *secgroup.Instance) bool {
			return (name == "" || i.Name == name) && strings.HasPrefix(i.Name, prefix)
		}, nil
	},
	show: func(_ *call, s *secgroup.Snapshot) func(*secgroup.Instance) any {
		return func(i *secgroup.Instance) any { return shape.ShowInstance(s, i) }
	},
}

func getInstance(c *call) error {
	return c.object(func(s *secgroup.Snapshot) (any, string) { return change.InstanceBody(s, c.in.Instance()) })
}
