package httpapi

import (
	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// shareList is sorted by account.
var shareList = listing[secgroup.Share]{
	items: func(c *call, v *plan.View) ([]secgroup.Share, error) {
		g := v.Group(c.in.Group())
		if g == nil {
			return nil, transport.NotFound()
		}
		return g.Shares, nil
	},
	key: func(s secgroup.Share) string { return s.Account },
	show: func(c *call, v *plan.View) func(secgroup.Share) any {
		return func(s secgroup.Share) any { return shape.ShowShare(v, c.in.Group(), s) }
	},
}

func getShare(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return change.ShareBody(v, c.in.Group(), c.in.Param("grantee")) })
}
