package httpapi

import (
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// target is the NIC or the instance of the path.
func (c *call) target() plan.Target {
	return plan.Target{NIC: c.param("nic"), Instance: c.param("instance")}
}

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
	return c.object(func(v *plan.View) (any, string) { return attachmentsBody(v, c.account, c.target()) })
}

func putAttachments(c *call) error {
	n, r, err := c.body()
	if err != nil {
		return err
	}
	ids, at := readGroupIDs(r, n)
	t := c.target()
	return c.mutate(mutation{faults: r.Faults,
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.SetGroups(s, req, c.account, t, at, ids)
		},
		show: func(v *plan.View, _ plan.Result) (any, string) { return attachmentsBody(v, c.account, t) },
	})
}

// attachmentJSON is one attachment.
type attachmentJSON struct {
	Group    string `json:"group"`
	NIC      string `json:"nic,omitempty"`
	Instance string `json:"instance,omitempty"`
}

func attach(c *call) error {
	if err := c.noBody(); err != nil {
		return err
	}
	t, group := c.target(), c.param("group")
	return c.mutate(mutation{
		plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
			return plan.Attach(s, req, c.account, t, group)
		},
		show: func(v *plan.View, _ plan.Result) (any, string) {
			names, _ := t.GroupNames(v, c.account)
			return attachmentJSON{secgroup.ParseGroupRef(c.account, group).Within(c.account), t.NIC, t.Instance}, plan.ListTag(names)
		},
	})
}

func detach(c *call) error {
	if err := c.noBody(); err != nil {
		return err
	}
	t, group := c.target(), c.param("group")
	return c.mutate(mutation{plan: func(s plan.Policy, req *plan.Request) (plan.Result, error) {
		return plan.Detach(s, req, c.account, t, group)
	}})
}
