package client

import (
	"context"
	"net/http"
)

// Matrix is who may talk to whom in an account, rule by rule.
type Matrix struct {
	Groups    []MatrixGroup `json:"groups"` // of the account, and those that its rules name
	Peers     []MatrixPeer  `json:"peers"`  // CIDRs that rules name without a group
	Entries   []MatrixEntry `json:"entries"`
	Truncated bool          `json:"truncated"` // there are more entries: ask about a network or a group
	Revision  int64         `json:"revision"`
}

// MatrixGroup is a group, with the account's NICs that it judges.
type MatrixGroup struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	NICs       int    `json:"nics"`
	Restricted int    `json:"restricted"` // of them, with restricted egress
}

// MatrixPeer is a CIDR, with the groups that have NICs inside.
type MatrixPeer struct {
	CIDR   string      `json:"cidr"`
	Groups []PeerGroup `json:"groups"`
}

// PeerGroup is how many NICs of a group a CIDR holds.
type PeerGroup struct {
	Group string `json:"group"`
	NICs  int    `json:"nics"`
}

// MatrixEntry is what an enabled rule opens: its group's end of connections.
type MatrixEntry struct {
	From      MatrixEnd `json:"from"`
	To        MatrixEnd `json:"to"`
	Direction string    `json:"direction"`
	Group     string    `json:"group"` // the rule's
	Rule      string    `json:"rule"`
	Family    string    `json:"family"`
	Protocol  string    `json:"protocol"`
	PortMin   *int      `json:"port_min"` // nil: all ports
	PortMax   *int      `json:"port_max"`
	ICMPType  *int      `json:"icmp_type"`
	ICMPCode  *int      `json:"icmp_code"`
	OtherEnd  *OtherEnd `json:"other_end"` // nil: no group of the account
}

// MatrixEnd is everything if it is zero, and what is in both if both are set.
type MatrixEnd struct {
	Group string `json:"group"`
	CIDR  string `json:"cidr"`
}

// OtherEnd is what the NICs of the group that a rule names do with what it opens.
type OtherEnd struct {
	NICs         int             `json:"nics"`
	Allowed      int             `json:"allowed"`
	Partly       int             `json:"partly"`
	Blocked      int             `json:"blocked"`
	Apart        int             `json:"apart"`        // have none of the rule's NICs to meet
	Unrestricted int             `json:"unrestricted"` // of Allowed: without a rule
	Rules        []RuleReference `json:"rules"`        // by which something passes, at most ten
}

// Matrix tells who may talk to whom in an account. Query("network", …) and
// Query("group", …) narrow it.
func (c *Client) Matrix(ctx context.Context, acct string, opts ...CallOption) (m Matrix, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "matrix"), nil, &m, opts...)
	return m, err
}
