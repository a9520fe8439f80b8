package main

import (
	"context"
	"strings"

	"github.com/ringfence/ringfence/client"
)

// attachTarget is what groups are attached to.
type attachTarget struct {
	Groups   []string `arg:"" name:"group" complete:"group" help:"The groups, by name or id."`
	NIC      string   `name:"nic" xor:"target" required:"" complete:"nic" placeholder:"ID" help:"The NIC."`
	Instance string   `xor:"target" required:"" complete:"instance" placeholder:"ID" help:"The instance: all its NICs, present and future."`
}

type attachCmd struct{ attachTarget }

func (attachCmd) Help() string {
	return `Examples:
  ringfence attach web --nic nic-1 --wait 10s
  ringfence attach web monitoring --instance vm-1`
}

func (c attachCmd) Run(t *tenant) error {
	return c.each(t, t.api.AttachNIC, t.api.AttachInstance, "attached to")
}

type detachCmd struct{ attachTarget }

func (detachCmd) Help() string {
	return `A NIC that no group is attached to is judged by the account's default group.

Example:
  ringfence detach web --nic nic-1`
}

func (c detachCmd) Run(t *tenant) error {
	return c.each(t, t.api.DetachNIC, t.api.DetachInstance, "detached from")
}

// attachCall is one of the client's four methods.
type attachCall func(ctx context.Context, account, target, group string, opts ...client.CallOption) error

// each makes the call for every group. What is done stays done if a later one fails.
func (c attachTarget) each(t *tenant, toNIC, toInstance attachCall, what string) error {
	call, kind, target := toNIC, "NIC", c.NIC
	if c.Instance != "" {
		call, kind, target = toInstance, "instance", c.Instance
	}
	ids := make([]string, len(c.Groups))
	for i, ref := range c.Groups {
		id, err := t.groupID(ref)
		if err != nil {
			return err
		}
		ids[i] = id
	}
	for i, id := range ids {
		var meta client.Meta
		if err := call(t.ctx, t.account, target, id, t.mutation(&meta)...); err != nil {
			return err
		}
		if err := t.done(meta, "group %s %s %s %s", c.Groups[i], what, kind, target); err != nil {
			return err
		}
	}
	return nil
}

// attachmentText shows where a group is attached.
func attachmentText(a client.Attachment) string {
	return strings.TrimSpace(prefixed("NIC ", a.NIC) + prefixed("instance ", a.Instance))
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}
