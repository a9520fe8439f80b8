package faults

import (
	"context"

	"github.com/ringfence/ringfence/client"
)

// existenceSlot is whether the policy knows a NIC, which stays plugged. Its groups
// are its instance's, so that one write makes it what it was: a store may be put
// back to any moment.
func existenceSlot() Slot {
	m := machineNamed("n2")
	return Slot{
		Name: "existence of n2", Values: 2, renews: m.name,
		write: func(ctx context.Context, c *client.Client, value int, opts ...client.CallOption) error {
			if value == 1 {
				err := c.DeleteNIC(ctx, m.nic(), opts...)
				if client.IsNotFound(err) {
					return nil
				}
				return err
			}
			_, err := c.PutNIC(ctx, m.nic(), m.spec(), opts...)
			return err
		},
		read: func(l *listing) int {
			if _, ok := l.nics[m.nic()]; !ok {
				return 1
			}
			return 0
		},
		apply: func(value int, p *policy) { p.absent[m.name] = value == 1 },
	}
}

// enforcementSlot is whether a NIC is filtered.
func enforcementSlot() Slot {
	m := machineNamed("f2")
	enforcement := []string{"on", "off"}
	return Slot{
		Name: "enforcement of f2", Values: len(enforcement), renews: m.name,
		write: func(ctx context.Context, c *client.Client, value int, opts ...client.CallOption) error {
			spec := m.spec()
			spec.Enforcement = enforcement[value]
			_, err := c.PutNIC(ctx, m.nic(), spec, opts...)
			return err
		},
		read: func(l *listing) int {
			if l.nics[m.nic()].Enforcement == enforcement[1] {
				return 1
			}
			return 0
		},
		apply: func(value int, p *policy) { p.open[m.name] = value == 1 },
	}
}
