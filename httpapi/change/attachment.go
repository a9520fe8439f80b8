package change

import (
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

type attached struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// attachments is the whole list of what is attached; it has no pages.
type attachments struct {
	Items      []attached `json:"items"`
	NextCursor *string    `json:"next_cursor"`
	Revision   int64      `json:"revision"`
}

// AttachmentsBody shows what is attached to a NIC or an instance, and its tag; nil if there is none.
func AttachmentsBody(s *secgroup.Snapshot, account string, t plan.Target) (any, string) {
	names, exists := t.GroupNames(s, account)
	if !exists {
		return nil, ""
	}
	out := attachments{Items: make([]attached, len(names)), Revision: s.Revision()}
	for i, name := range names {
		out.Items[i].ID = name
		if g := s.Group(secgroup.ParseGroupRef(account, name)); g != nil {
			out.Items[i].Name = g.Name
		}
	}
	return out, plan.ListTag(names)
}

// PutAttachments decodes PUT /v1/accounts/{account}/instances/{instance}/security-groups
// and /v1/accounts/{account}/nics/{nic}/security-groups.
func PutAttachments(in *transport.Input) (Mutation, error) {
	n, r, err := in.Body()
	if err != nil {
		return Mutation{}, err
	}
	ids, at := shape.ReadGroupIDs(r, n)
	t := in.Target()
	return Mutation{Faults: r.Faults,
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.SetGroups(s, req, in.Account, t, at, ids)
		},
		Show: func(now After) (any, string) { return AttachmentsBody(now.Policy, in.Account, t) },
	}, nil
}

// Attach decodes PUT /v1/accounts/{account}/instances/{instance}/security-groups/{group}
// and /v1/accounts/{account}/nics/{nic}/security-groups/{group}.
func Attach(in *transport.Input) (Mutation, error) {
	if err := in.NoBody(); err != nil {
		return Mutation{}, err
	}
	t, group := in.Target(), in.Param("group")
	return Mutation{
		Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
			return plan.Attach(s, req, in.Account, t, group)
		},
		Show: func(now After) (any, string) {
			names, _ := t.GroupNames(now.Policy, in.Account)
			return shape.Attachment{Group: secgroup.ParseGroupRef(in.Account, group).Within(in.Account), NIC: t.NIC, Instance: t.Instance}, plan.ListTag(names)
		},
	}, nil
}

// Detach decodes DELETE /v1/accounts/{account}/instances/{instance}/security-groups/{group}
// and /v1/accounts/{account}/nics/{nic}/security-groups/{group}.
func Detach(in *transport.Input) (Mutation, error) {
	if err := in.NoBody(); err != nil {
		return Mutation{}, err
	}
	t, group := in.Target(), in.Param("group")
	return Mutation{Plan: func(s *secgroup.Snapshot, req *plan.Request) (plan.Result, error) {
		return plan.Detach(s, req, in.Account, t, group)
	}}, nil
}
