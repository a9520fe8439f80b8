package httpapi

import (
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// shareJSON is what a group lets another account do. Of what the account does
// with it the group's owner learns how much there is.
type shareJSON struct {
	Account     string         `json:"account"`
	Use         []secgroup.Use `json:"use"`
	Attachments int            `json:"attachments"`
	Rules       int            `json:"rules"`
}

func showShare(v *plan.View, ref secgroup.GroupRef, s secgroup.Share) shareJSON {
	attachments, rules := plan.ShareUse(v, ref, s.Account)
	return shareJSON{s.Account, s.Uses(), len(attachments), len(rules)}
}

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
		return func(s secgroup.Share) any { return showShare(v, c.in.Group(), s) }
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
	return showShare(v, g.GroupRef, s), plan.ShareTag(s)
}

func getShare(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return shareBody(v, c.in.Group(), c.in.Param("grantee")) })
}

func putShare(in *transport.Input) (mutation, error) {
	n, r, err := in.ObjectBody()
	if err != nil {
		return mutation{}, err
	}
	ref, share := in.Group(), readShare(r, n, in.Param("grantee"))
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

// readShare reads what an account is to be let do.
func readShare(r *strictjson.Reader, n *strictjson.Node, account string) secgroup.Share {
	o := r.Object(n, "")
	defer o.Close()
	o.Fixed("account", account)
	share := secgroup.Share{Account: account}
	for i, u := range o.Strings("use") {
		switch secgroup.Use(u) {
		case secgroup.UseAttach:
			share.Attach = true
		case secgroup.UseReference:
			share.Reference = true
		default:
			o.Invalid("/use"+secgroup.Pointer(i), "is attach or reference")
		}
	}
	o.ReadOnly("attachments", "rules")
	o.ReadOnly(answerFields...)
	return share
}
