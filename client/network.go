package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"
)

// Network is an L3 network.
type Network struct {
	ID            string    `json:"id"`
	Type          string    `json:"type"` // "public", "flat", "vpc"
	VPC           string    `json:"vpc"`
	Prefixes      []string  `json:"prefixes"`
	VLAN          int       `json:"vlan"` // 0-4094, 0 = untagged; NoVLAN
	RoutingDomain string    `json:"routing_domain"`
	Gateways      []string  `json:"gateways"`
	Warnings      []Warning `json:"warnings"`
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
	Revision      int64     `json:"revision"`
}

// NoVLAN is the VLAN of a network that never leaves the host: null in JSON.
const NoVLAN = -1

// Warning says what is wrong with an object that is in force all the same.
type Warning struct {
	Code     string   `json:"code"` // "vlan-in-use"
	Detail   string   `json:"detail"`
	Networks []string `json:"networks"` // with which it is in conflict
}

// UnmarshalJSON reads a network as the API shows it.
func (n *Network) UnmarshalJSON(b []byte) error {
	type plain Network
	shown := struct {
		*plain
		VLAN *int `json:"vlan"`
	}{plain: (*plain)(n)}
	if err := json.Unmarshal(b, &shown); err != nil {
		return err
	}
	n.VLAN = NoVLAN
	if shown.VLAN != nil {
		n.VLAN = *shown.VLAN
	}
	return nil
}

// MarshalJSON writes a network as the API reads it.
func (n NetworkSpec) MarshalJSON() ([]byte, error) {
	type plain NetworkSpec
	written := struct {
		plain
		VLAN *int `json:"vlan"`
	}{plain: plain(n), VLAN: &n.VLAN}
	if n.VLAN == NoVLAN {
		written.VLAN = nil
	}
	return json.Marshal(written)
}

// NetworkSpec makes or replaces a network.
type NetworkSpec struct {
	Type          string   `json:"type"`
	VPC           string   `json:"vpc,omitempty"`
	Prefixes      []string `json:"prefixes"`
	VLAN          int      `json:"vlan"` // 0-4094, 0 = untagged; NoVLAN
	RoutingDomain string   `json:"routing_domain,omitempty"`
	Gateways      []string `json:"gateways,omitempty"`
}

// Networks lists all networks (admin).
func (c *Client) Networks(ctx context.Context, opts ...CallOption) iter.Seq2[Network, error] {
	return list[Network](ctx, c, "/v1/networks", opts)
}

// Network reads one network (admin).
func (c *Client) Network(ctx context.Context, id string, opts ...CallOption) (n Network, err error) {
	err = c.Do(ctx, http.MethodGet, path("/v1/networks", id), nil, &n, opts...)
	return n, err
}

// PutNetwork makes or replaces a network (admin).
func (c *Client) PutNetwork(ctx context.Context, id string, spec NetworkSpec, opts ...CallOption) (n Network, err error) {
	err = c.Do(ctx, http.MethodPut, path("/v1/networks", id), spec, &n, opts...)
	return n, err
}

// DeleteNetwork deletes a network without NICs (admin).
func (c *Client) DeleteNetwork(ctx context.Context, id string, opts ...CallOption) error {
	return c.Do(ctx, http.MethodDelete, path("/v1/networks", id), nil, nil, opts...)
}
