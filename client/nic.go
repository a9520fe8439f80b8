package client

import (
	"context"
	"iter"
	"net/http"
)

// NIC is a VM's interface. Its id is the external_ids:iface-id of its OVS
// Interface row.
type NIC struct {
	ID               string           `json:"id"`
	Account          string           `json:"account"`
	Instance         string           `json:"instance"`
	Network          string           `json:"network"`
	MAC              string           `json:"mac"`
	Addresses        []string         `json:"addresses"`
	AllowedAddresses []string         `json:"allowed_addresses"`
	Enforcement      string           `json:"enforcement"` // "on", "off"
	DHCPServer       bool             `json:"dhcp_server"`
	Hosts            []string         `json:"hosts"` // where it may be plugged, where it is delivered first; none = anywhere
	EffectiveGroups  []EffectiveGroup `json:"effective_groups"`
	EgressRestricted bool             `json:"egress_restricted"`
	Because          *Because         `json:"because"` // what restricts its egress
	Host             string           `json:"host"`    // where it is plugged; "" = nowhere
	Ready            bool             `json:"ready"`   // its host enforces its policy
	RealizedRevision int64            `json:"realized_revision"`
	Conflict         *PlugConflict    `json:"conflict"` // nil: none
	Warnings         []NICWarning     `json:"warnings"` // what goes wrong although it is served
	Revision         int64            `json:"revision"`
}

// EffectiveGroup is a group that judges a NIC.
type EffectiveGroup struct {
	ID  string `json:"id"`
	Via string `json:"via"` // "nic", "instance", "default"
	// Implicit: it is the account's default group, since nothing attached acts there.
	Implicit bool `json:"implicit"`
}

// Because names what makes a NIC egress-restricted: a group, and the rule that
// does it if the group's egress policy is "auto".
type Because struct {
	Group string `json:"group"`
	Rule  string `json:"rule"`
}

// NICWarning says what goes wrong with a NIC that is served all the same.
type NICWarning struct {
	Code   string `json:"code"` // "link-local-dropped"
	Detail string `json:"detail"`
}

// PlugConflict says that a NIC is plugged where it may not be, or at several hosts
// without saying which of them it may be at.
type PlugConflict struct {
	Detail string   `json:"detail"`
	Hosts  []string `json:"hosts"` // where it is plugged
}

// NICSpec makes or replaces a NIC.
type NICSpec struct {
	Account          string   `json:"account"`
	Instance         string   `json:"instance,omitempty"`
	Network          string   `json:"network"`
	MAC              string   `json:"mac"`
	Addresses        []string `json:"addresses"`
	AllowedAddresses []string `json:"allowed_addresses,omitempty"`
	Enforcement      string   `json:"enforcement,omitempty"`
	DHCPServer       bool     `json:"dhcp_server,omitempty"`
	Hosts            []string `json:"hosts,omitempty"`
}

// NICs lists an account's NICs.
func (c *Client) NICs(ctx context.Context, acct string, opts ...CallOption) iter.Seq2[NIC, error] {
	return list[NIC](ctx, c, account(acct, "nics"), opts)
}

// NIC reads an account's NIC.
func (c *Client) NIC(ctx context.Context, acct, id string, opts ...CallOption) (n NIC, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "nics", id), nil, &n, opts...)
	return n, err
}

// PlatformNIC reads any account's NIC (admin).
func (c *Client) PlatformNIC(ctx context.Context, id string, opts ...CallOption) (n NIC, err error) {
	err = c.Do(ctx, http.MethodGet, path("/v1/nics", id), nil, &n, opts...)
	return n, err
}

// PutNIC makes or replaces a NIC (admin).
func (c *Client) PutNIC(ctx context.Context, id string, spec NICSpec, opts ...CallOption) (n NIC, err error) {
	err = c.Do(ctx, http.MethodPut, path("/v1/nics", id), spec, &n, opts...)
	return n, err
}

// DeleteNIC deletes a NIC (admin). Its addresses are safe to use again once
// Meta.Revision is realised.
func (c *Client) DeleteNIC(ctx context.Context, id string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, path("/v1/nics", id), nil, nil, opts...)
}
