package httpapi

import (
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

// shareBody shows one share and its tag.
func shareBody(v *plan.View, ref secgroup.GroupRef, account string) (any, string) {
	g := v.Group(ref)
	if g == nil {
		return nil, ""
	}
	s := g.Share(account)
	if len(s.Uses()) == 0 {
		return nil, ""
	}
	return shape.ShowShare(v, g.GroupRef, s), plan.ShareTag(s)
}

func getShare(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return shareBody(v, c.in.Group(), c.in.Param("grantee")) })
}

func putShare(in *transport.Input) (mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	ref, share := in.Group(), shape.ReadShare(r, n, in.Param("grantee"))
	return mutation{faults: r.Faults,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.PutShare(s, req, ref, share)
		},
		show: func(now after) (any, string) { return shareBody(now.view, ref, share.Account) },
	}, nil
}

func deleteShare(in *transport.Input) (mutation, error) {
	if err := in.NoBody(); err != nil {
		return mutation{}, err
	}
	ref, account := in.Group(), in.Param("grantee")
	return mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.DeleteShare(s, req, ref, account)
	}}, nil
}
