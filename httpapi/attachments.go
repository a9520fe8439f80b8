package httpapi

import (
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

type attachedJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// attachmentsJSON is the whole list of what is attached; it has no pages.
type attachmentsJSON struct {
	Items      []attachedJSON `json:"items"`
	NextCursor *string        `json:"next_cursor"`
	Revision   int64          `json:"revision"`
}

func attachmentsBody(v *plan.View, account string, t plan.Target) (any, string) {
	names, exists := t.GroupNames(v, account)
	if !exists {
		return nil, ""
	}
	out := attachmentsJSON{Items: make([]attachedJSON, len(names)), Revision: v.Revision()}
	for i, name := range names {
		out.Items[i].ID = name
		if g := v.Group(secgroup.ParseGroupRef(account, name)); g != nil {
			out.Items[i].Name = g.Name
		}
	}
	return out, plan.ListTag(names)
}

func getAttachments(c *call) error {
	return c.object(func(v *plan.View) (any, string) { return attachmentsBody(v, c.in.Account, c.in.Target()) })
}

func putAttachments(in *transport.Input) (mutation, error) {
	n, r, err := in.Body()
	if err != nil {
		return mutation{}, err
	}
	ids, at := shape.ReadGroupIDs(r, n)
	t := in.Target()
	return mutation{faults: r.Faults,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.SetGroups(s, req, in.Account, t, at, ids)
		},
		show: func(now after) (any, string) { return attachmentsBody(now.view, in.Account, t) },
	}, nil
}

func attach(in *transport.Input) (mutation, error) {
	if err := in.NoBody(); err != nil {
		return mutation{}, err
	}
	t, group := in.Target(), in.Param("group")
	return mutation{
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.Attach(s, req, in.Account, t, group)
		},
		show: func(now after) (any, string) {
			names, _ := t.GroupNames(now.view, in.Account)
			return shape.Attachment{Group: secgroup.ParseGroupRef(in.Account, group).Within(in.Account), NIC: t.NIC, Instance: t.Instance}, plan.ListTag(names)
		},
	}, nil
}

func detach(in *transport.Input) (mutation, error) {
	if err := in.NoBody(); err != nil {
		return mutation{}, err
	}
	t, group := in.Target(), in.Param("group")
	return mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.Detach(s, req, in.Account, t, group)
	}}, nil
}
