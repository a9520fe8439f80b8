package httpapi

import (
	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
)

// shareList is sorted by account.
var shareList = listing[secgroup.Share]{
	items: func(c *call, s *secgroup.Snapshot) ([]secgroup.Share, error) {
		g := s.Group(c.in.Group())
		if g == nil {
			return nil, transport.NotFound()
		}
		return g.Shares, nil
	},
	key: func(share secgroup.Share) string { return share.Account },
	show: func(c *call, s *secgroup.Snapshot) func(secgroup.Share) any {
		return func(share secgroup.Share) any { return shape.ShowShare(s, c.in.Group(), share) }
	},
}

func getShare(c *call) error {
	return c.object(func(s *secgroup.Snapshot) (any, string) {
		return change.ShareBody(s, c.in.Group(), c.in.Param("grantee"))
	})
}

// sharedGroupJSON is a group of another account to an account that may use it. It
// is no more than what is needed for that: what the group's rules are, and who is
// in it, is its owner's business.
type sharedGroupJSON struct {
	ID      string         `json:"id"` // account/id, as the account names it
	Account string         `json:"account"`
	Name    string         `json:"name"`
	Use     []secgroup.Use `json:"use"`
}

// sharedGroupList is what others share with the account, sorted by whose it is.
var sharedGroupList = listing[*secgroup.Group]{
	items: func(c *call, s *secgroup.Snapshot) ([]*secgroup.Group, error) {
		if s.Account(c.in.Account) == nil {
			return nil, transport.NotFound()
		}
		return s.SharedWith(c.in.Account), nil
	},
	key: func(g *secgroup.Group) string { return g.Account + "\x00" + g.ID }, // sorts as references do
	show: func(c *call, _ *secgroup.Snapshot) func(*secgroup.Group) any {
		return func(g *secgroup.Group) any {
			return sharedGroupJSON{g.Within(c.in.Account), g.Account, g.Name, g.Share(c.in.Account).Uses()}
		}
	},
}
