package policy

import (
	"context"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// attachTarget is what groups are attached to.
type attachTarget struct {
	Groups   []string `arg:"" name:"group" complete:"group" help:"The groups, by name or id."`
	NIC      string   `name:"nic" xor:"target" required:"" complete:"nic" placeholder:"ID" help:"The NIC."`
	Instance string   `xor:"target" required:"" complete:"instance" placeholder:"ID" help:"The instance: all its NICs, present and future."`
}

// Attach is "ringfence attach": attach groups to a NIC or an instance.
type Attach struct {
	attachTarget
	Only bool `help:"Detach all others: these are the whole list."`
}

func (Attach) Help() string {
	return `Examples:
  ringfence attach web --nic nic-1 --wait 10s
  ringfence attach web monitoring --instance vm-1
  ringfence attach quarantine --nic nic-1 --only`
}

func (c Attach) Run(t *session.Tenant) error {
	if c.Only {
		return c.set(t)
	}
	return c.each(t, t.API.AttachNIC, t.API.AttachInstance, "attached to")
}

// Detach is "ringfence detach": detach groups from a NIC or an instance.
type Detach struct{ attachTarget }

func (Detach) Help() string {
	return `A NIC that no group is attached to is judged by the account's default group.

Example:
  ringfence detach web --nic nic-1`
}

func (c Detach) Run(t *session.Tenant) error {
	return c.each(t, t.API.DetachNIC, t.API.DetachInstance, "detached from")
}

// attachCall is one of the client's four methods.
type attachCall func(ctx context.Context, account, target, group string, opts ...client.CallOption) error

// each makes the call for every group. What is done stays done if a later one fails.
func (c attachTarget) each(t *session.Tenant, toNIC, toInstance attachCall, what string) error {
	call, target := toNIC, c.NIC
	if c.Instance != "" {
		call, target = toInstance, c.Instance
	}
	ids, err := c.ids(t)
	if err != nil {
		return err
	}
	for i, id := range ids {
		var meta client.Meta
		if err := call(t.Ctx, t.Account, target, id, t.Mutation(&meta)...); err != nil {
			return err
		}
		if err := t.Done(meta, "group %s %s %s", c.Groups[i], what, c.target()); err != nil {
			return err
		}
	}
	return nil
}

// set makes the groups the whole list, in one revision.
func (c attachTarget) set(t *session.Tenant) error {
	ids, err := c.ids(t)
	if err != nil {
		return err
	}
	var meta client.Meta
	if c.Instance != "" {
		err = t.API.SetInstanceGroups(t.Ctx, t.Account, c.Instance, ids, t.Mutation(&meta)...)
	} else {
		err = t.API.SetNICGroups(t.Ctx, t.Account, c.NIC, ids, t.Mutation(&meta)...)
	}
	if err != nil {
		return err
	}
	return t.Done(meta, "attached to %s: %s, nothing else", c.target(), strings.Join(c.Groups, ", "))
}

// target says what the groups are attached to.
func (c attachTarget) target() string {
	return session.AttachmentText(client.Attachment{NIC: c.NIC, Instance: c.Instance})
}

// ids resolves all groups before anything is changed.
func (c attachTarget) ids(t *session.Tenant) ([]string, error) {
	ids := make([]string, len(c.Groups))
	for i, ref := range c.Groups {
		id, err := t.GroupID(ref)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}
