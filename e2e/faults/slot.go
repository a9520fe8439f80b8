package faults

import (
	"context"
	"fmt"
	"slices"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/secgroup"
)

// Slot is a place of the policy that is written again and again, by one writer:
// a rule, an attachment, a property. Its values are numbered from 0, which is
// what it begins with. A write says the whole value, so that it may be repeated.
type Slot struct {
	Name   string
	Values int
	renews string // the machine that comes to be filtered at its host when the value becomes 0; "" for none

	// write makes the value so.
	write func(ctx context.Context, c *client.Client, value int, opts ...client.CallOption) error
	// read finds the value in what the API lists; -1 if it is none of them.
	read func(l *listing) int
	// apply puts the value into what verdict judges by.
	apply func(value int, p *policy)
}

// listing is what one API says of the policy.
type listing struct {
	groups   map[string]client.Group
	nics     map[string]client.NIC
	attached map[string][]string // groups by NIC
}

// list reads it.
func list(ctx context.Context, c *client.Client) (*listing, error) {
	l := &listing{groups: map[string]client.Group{}, nics: map[string]client.NIC{}, attached: map[string][]string{}}
	for g, err := range c.Groups(ctx, accountID) {
		if err != nil {
			return nil, err
		}
		l.groups[g.ID] = g
	}
	for n, err := range c.NICs(ctx, accountID) {
		if err != nil {
			return nil, err
		}
		l.nics[n.ID] = n
		groups, err := c.NICGroups(ctx, accountID, n.ID)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			l.attached[n.ID] = append(l.attached[n.ID], g.ID)
		}
	}
	return l, nil
}

// ruleSlots are the rules of group server that come and go: three about UDP
// and two about TCP.
const ruleSlots = 5

// rulePort is the port that a rule slot is about.
func rulePort(i int) int { return 7000 + i }

func ruleProto(i int) string { return []string{"udp", "tcp"}[i%2] }

// slots are all slots.
func slots() []Slot {
	var all []Slot
	for i := range ruleSlots {
		all = append(all, ruleSlot(i))
	}
	return append(all, memberSlot("mem0", "c1"), memberSlot("mem1", "c2"), egressSlot(), existenceSlot(), enforcementSlot())
}

// ruleSlot is absent, from all clients, from the only client of a prefix, or disabled.
func ruleSlot(i int) Slot {
	id, service := fmt.Sprintf("slot%d", i), fmt.Sprintf("ingress %s %d", ruleProto(i), rulePort(i))
	texts := []string{"", service + " from client", service + " from 10.0.0.8/30 and client", service + " from client disabled"}
	return Slot{
		Name: "rule " + id, Values: len(texts),
		write: func(ctx context.Context, c *client.Client, value int, opts ...client.CallOption) error {
			if value == 0 {
				err := c.DeleteRule(ctx, accountID, "server", id, opts...)
				if client.IsNotFound(err) {
					return nil // it was absent
				}
				return err
			}
			_, err := c.PutRule(ctx, accountID, "server", id, mustRule(texts[value]), opts...)
			return err
		},
		read: func(l *listing) int {
			at := slices.IndexFunc(l.groups["server"].Rules, func(r client.Rule) bool { return r.ID == id })
			if at < 0 {
				return 0
			}
			r := l.groups["server"].Rules[at]
			switch {
			case !r.Enabled:
				return 3
			case r.RemoteCIDR != nil:
				return 2
			default:
				return 1
			}
		},
		apply: func(value int, p *policy) {
			if value != 0 {
				p.rule("server", id, texts[value])
			}
		},
	}
}

// memberSlot is whether a machine is a member of a group that a rule names.
func memberSlot(group, name string) Slot {
	nic := machineNamed(name).nic()
	return Slot{
		Name: "member " + name + " of " + group, Values: 2,
		write: func(ctx context.Context, c *client.Client, value int, opts ...client.CallOption) error {
			if value == 1 {
				return c.AttachNIC(ctx, accountID, nic, group, opts...)
			}
			err := c.DetachNIC(ctx, accountID, nic, group, opts...)
			if client.IsNotFound(err) {
				return nil
			}
			return err
		},
		read: func(l *listing) int {
			if slices.Contains(l.attached[nic], group) {
				return 1
			}
			return 0
		},
		apply: func(value int, p *policy) {
			if value == 1 {
				p.attached[name] = append(p.attached[name], group)
			}
		},
	}
}

// egressSlot is whether group eg restricts what its NICs send.
func egressSlot() Slot {
	policies := []string{"auto", "listed"}
	return Slot{
		Name: "egress of eg", Values: len(policies),
		write: func(ctx context.Context, c *client.Client, value int, opts ...client.CallOption) error {
			_, err := c.PatchGroup(ctx, accountID, "eg", map[string]any{"egress_policy": policies[value]}, opts...)
			return err
		},
		read: func(l *listing) int { return slices.Index(policies, l.groups["eg"].EgressPolicy) },
		apply: func(value int, p *policy) {
			p.egress["eg"] = secgroup.EgressPolicy(policies[value])
		},
	}
}
