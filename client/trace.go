package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// TraceEnd is an end of a packet's way: a NIC of the account, an address, or
// both: a NIC with the address that it uses.
type TraceEnd struct {
	NIC     string `json:"nic,omitempty"`
	Address string `json:"address,omitempty"`
}

// TraceSpec asks what becomes of a packet.
type TraceSpec struct {
	Source      TraceEnd `json:"source"`
	Destination TraceEnd `json:"destination"`
	Family      string   `json:"family,omitempty"` // "ipv4", "ipv6"; "" = what the ends have
	Protocol    string   `json:"protocol"`         // "tcp", "udp", "icmp", "0"-"255"
	Port        int      `json:"port,omitempty"`
	SourcePort  int      `json:"source_port,omitempty"`
	ICMPType    *int     `json:"icmp_type,omitempty"`
	ICMPCode    *int     `json:"icmp_code,omitempty"`
	State       string   `json:"state,omitempty"` // "new", "established", "reply", "related", "invalid"
	Probe       bool     `json:"probe,omitempty"` // send the packet, too
}

// Trace is what becomes of a packet.
type Trace struct {
	ID        string      `json:"id"`
	Account   string      `json:"account"`
	Verdict   string      `json:"verdict"` // "allow", "deny", "unknown"
	Summary   string      `json:"summary"`
	Agreement *bool       `json:"agreement"` // of policy and datapath; nil: not to be told
	State     string      `json:"state"`
	Packet    TracePacket `json:"packet"`
	Revision  int64       `json:"revision"`
	Done      bool        `json:"done"` // every host has answered, or will not
	CreatedAt time.Time   `json:"created_at"`
	Legs      []TraceLeg  `json:"legs"`
	// ProbeVerdict is what became of the packet that was sent; "": none was.
	ProbeVerdict string `json:"probe_verdict"`
}

// TracePacket is a packet that is traced, or the first of a connection.
type TracePacket struct {
	Family      string `json:"family"`
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Protocol    string `json:"protocol"`
	SourcePort  int    `json:"source_port"`
	Port        int    `json:"port"`
	ICMPType    int    `json:"icmp_type"`
	ICMPCode    int    `json:"icmp_code"`
}

// TraceLeg is what one NIC's end does with the packet.
type TraceLeg struct {
	Direction string        `json:"direction"`
	NIC       string        `json:"nic"`
	Host      string        `json:"host"`
	Hidden    bool          `json:"hidden"` // another account's NIC
	Policy    TracePolicy   `json:"policy"`
	Datapath  TraceDatapath `json:"datapath"`
	Probe     *TraceProbe   `json:"probe"` // nil: none was sent, or it did not get here
}

// TraceProbe is what became of the packet that was sent at one end.
type TraceProbe struct {
	Verdict   string `json:"verdict"`
	Reason    string `json:"reason"` // "passed", "delivered", "not-seen", or why it was dropped
	Detail    string `json:"detail"`
	Table     *int   `json:"table"` // where it was dropped
	TableName string `json:"table_name"`
}

// TracePolicy is the policy's verdict.
type TracePolicy struct {
	Verdict string        `json:"verdict"`
	Reason  string        `json:"reason"`
	Group   string        `json:"group"`
	Rule    string        `json:"rule"`
	Clause  *TraceClause  `json:"clause"` // what of the rule fits the packet
	Because []Because     `json:"because"`
	Nearest *TraceNearest `json:"nearest"` // the rule that comes closest
	Detail  string        `json:"detail"`
}

// TraceClause is what of a rule fits a packet.
type TraceClause struct {
	Group   string `json:"group"`
	Member  string `json:"member"` // the address of the group's member
	CIDR    string `json:"cidr"`
	Service string `json:"service"`
}

// TraceNearest is a rule that almost allows a packet, and what differs.
type TraceNearest struct {
	Group   string   `json:"group"`
	Rule    string   `json:"rule"`
	Differs []string `json:"differs"`
}

// TraceDatapath is the verdict of the NIC's host.
type TraceDatapath struct {
	Verdict         string      `json:"verdict"`
	Reason          string      `json:"reason"`
	Detail          string      `json:"detail"`
	Group           string      `json:"group"`
	Rule            string      `json:"rule"`
	Output          string      `json:"output"`
	AppliedRevision int64       `json:"applied_revision"`
	Steps           []TraceStep `json:"steps"`
	Unparsed        []string    `json:"unparsed"`
}

// TraceStep is a flow that the packet met, or none.
type TraceStep struct {
	Table         int      `json:"table"`
	TableName     string   `json:"table_name"`
	Priority      int      `json:"priority"`
	Match         string   `json:"match"`
	Cookie        string   `json:"cookie"`
	Kind          string   `json:"kind"`
	Group         string   `json:"group"`
	Rule          string   `json:"rule"`
	Actions       string   `json:"actions"`
	Notes         []string `json:"notes"`
	CTState       string   `json:"ct_state"`
	Recirculation string   `json:"recirculation"` // id that leads here
}

// Trace asks what becomes of a packet. It may come back before every host has
// answered (Trace.Done); GetTrace then reads the rest.
func (c *Client) Trace(ctx context.Context, acct string, spec TraceSpec, opts ...CallOption) (t Trace, err error) {
	err = c.Do(ctx, http.MethodPost, account(acct, "traces"), spec, &t, opts...)
	return t, err
}

// GetTrace reads a trace again.
func (c *Client) GetTrace(ctx context.Context, acct, id string, opts ...CallOption) (t Trace, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "traces", id), nil, &t, opts...)
	return t, err
}

// HostAnswer says how a host took part in an answer.
type HostAnswer struct {
	Host            string `json:"host"`
	AppliedRevision int64  `json:"applied_revision"`
	Error           string `json:"error"` // why it says nothing
	Truncated       bool   `json:"truncated"`
}

// Flow is an installed flow.
type Flow struct {
	Host      string          `json:"host"`
	Table     int             `json:"table"`
	TableName string          `json:"table_name"`
	Priority  int             `json:"priority"`
	Cookie    string          `json:"cookie"`
	Kind      string          `json:"kind"`
	NIC       string          `json:"nic"`
	Rules     []RuleReference `json:"rules"`
	Match     string          `json:"match"`
	Actions   string          `json:"actions"`
	Packets   uint64          `json:"packets"`
	Bytes     uint64          `json:"bytes"`
	Age       float64         `json:"age"`   // seconds
	Ofctl     string          `json:"ofctl"` // as ovs-ofctl dump-flows --no-stats prints it
}

// FlowList is what the hosts have installed for an account.
type FlowList struct {
	Items []Flow       `json:"items"`
	Hosts []HostAnswer `json:"hosts"`
}

// FlowFilter narrows a list of flows; what is empty does not.
type FlowFilter struct {
	NIC, Group, Rule, Cookie string
	Limit                    string // at most 1000, a host
}

// Flows lists the installed flows of an account's NICs.
func (c *Client) Flows(ctx context.Context, acct string, f FlowFilter, opts ...CallOption) (l FlowList, err error) {
	q := query("nic", f.NIC, "group", f.Group, "rule", f.Rule, "cookie", f.Cookie, "limit", f.Limit)
	err = c.Do(ctx, http.MethodGet, account(acct, "flows")+q, nil, &l, opts...)
	return l, err
}

// Connection is an open connection as one NIC's end has it.
type Connection struct {
	Host      string `json:"host"`
	NIC       string `json:"nic"`
	Direction string `json:"direction"` // "egress" if the NIC began it
	TracePacket
	State     string `json:"state"`
	ExpiresIn int64  `json:"expires_in"` // seconds
	// Packets and Bytes are of both directions, Age is in seconds; nil where the
	// datapath does not tell, as the userspace one.
	Packets *uint64  `json:"packets"`
	Bytes   *uint64  `json:"bytes"`
	Age     *float64 `json:"age"`
	Reason  string   `json:"reason"` // what admitted it
	Group   string   `json:"group"`
	Rule    string   `json:"rule"`
	CTMark  uint32   `json:"ct_mark"`
}

// ConnectionList is what the hosts have open for an account.
type ConnectionList struct {
	Items []Connection `json:"items"`
	Hosts []HostAnswer `json:"hosts"`
}

// Connections lists the open connections of an account's NICs, or of one.
func (c *Client) Connections(ctx context.Context, acct, nic, limit string, opts ...CallOption) (l ConnectionList, err error) {
	err = c.Do(ctx, http.MethodGet, account(acct, "connections")+query("nic", nic, "limit", limit), nil, &l, opts...)
	return l, err
}

// query writes the pairs that have a value as a query string.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
