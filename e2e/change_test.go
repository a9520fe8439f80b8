package e2e

import (
	"strings"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/stack"
)

// group makes a group without rules; the settings are applied to it.
func (n *tenant) group(id string, settings ...func(*client.GroupSpec)) time.Time {
	n.t.Helper()
	none := false
	spec := client.GroupSpec{Name: id, DefaultRules: &none}
	for _, set := range settings {
		set(&spec)
	}
	return n.change(func(opts ...client.CallOption) error {
		_, err := n.api.PutGroup(n.t.Context(), n.account, id, spec, opts...)
		return err
	})
}

// groups makes groups without rules.
func (n *tenant) groups(ids ...string) {
	n.t.Helper()
	for _, id := range ids {
		n.group(id)
	}
}

// rule makes or replaces a rule, given as stack.ParseRule reads it.
func (n *tenant) rule(group, id, text string) time.Time {
	n.t.Helper()
	spec, err := stack.ParseRule(text)
	if err != nil {
		n.t.Fatal(err)
	}
	return n.change(func(opts ...client.CallOption) error {
		_, err := n.api.PutRule(n.t.Context(), n.account, group, id, spec, opts...)
		return err
	})
}

// unrule deletes a rule.
func (n *tenant) unrule(group, id string) time.Time {
	n.t.Helper()
	return n.change(func(opts ...client.CallOption) error {
		return n.api.DeleteRule(n.t.Context(), n.account, group, id, opts...)
	})
}

// join attaches a group to the NICs of roles, or to one party's.
func (n *tenant) join(group string, names ...string) (answered time.Time) {
	n.t.Helper()
	for _, nic := range n.nicsOf(names) {
		answered = n.change(func(opts ...client.CallOption) error {
			return n.api.AttachNIC(n.t.Context(), n.account, nic, group, opts...)
		})
	}
	return answered
}

// leave detaches a group from the NICs of roles, or from one party's.
func (n *tenant) leave(group string, names ...string) (answered time.Time) {
	n.t.Helper()
	for _, nic := range n.nicsOf(names) {
		answered = n.change(func(opts ...client.CallOption) error {
			return n.api.DetachNIC(n.t.Context(), n.account, nic, group, opts...)
		})
	}
	return answered
}

func (n *tenant) nicsOf(names []string) (nics []string) {
	n.t.Helper()
	for _, name := range names {
		role, host, one := strings.Cut(name, "@")
		if one {
			nics = append(nics, n.nic(role, host))
			continue
		}
		for _, host := range hosts {
			nics = append(nics, n.nic(role, host))
		}
	}
	return nics
}

// attachInstance attaches a group to a role's instance on a host.
func (n *tenant) attachInstance(group, role, host string) time.Time {
	n.t.Helper()
	return n.change(func(opts ...client.CallOption) error {
		return n.api.AttachInstance(n.t.Context(), n.account, n.instance(role, host), group, opts...)
	})
}

// detachInstance takes it back.
func (n *tenant) detachInstance(group, role, host string) time.Time {
	n.t.Helper()
	return n.change(func(opts ...client.CallOption) error {
		return n.api.DetachInstance(n.t.Context(), n.account, n.instance(role, host), group, opts...)
	})
}

// patch sets one property of a group.
func (n *tenant) patch(group, property string, value any) time.Time {
	n.t.Helper()
	return n.change(func(opts ...client.CallOption) error {
		_, err := n.api.PatchGroup(n.t.Context(), n.account, group, map[string]any{property: value}, opts...)
		return err
	})
}

// putNIC replaces a role's NIC on a host.
func (n *tenant) putNIC(role, host string, spec client.NICSpec) time.Time {
	n.t.Helper()
	return n.change(func(opts ...client.CallOption) error {
		_, err := n.api.PutNIC(n.t.Context(), n.nic(role, host), spec, opts...)
		return err
	})
}
