package client

import (
	"context"
	"net/http"
	"time"
)

// Drop is what is known of packets that were dropped, which are all alike. What
// the frame does not have is empty.
type Drop struct {
	Host           string    `json:"host"`
	NIC            string    `json:"nic"`
	Direction      string    `json:"direction"` // the NIC sent it ("egress") or was sent it
	Reason         string    `json:"reason"`
	Detail         string    `json:"detail"`
	SourceMAC      string    `json:"source_mac"`
	DestinationMAC string    `json:"destination_mac"`
	VLAN           int       `json:"vlan"`
	EtherType      string    `json:"ether_type"`
	Family         string    `json:"family"`
	Source         string    `json:"source"`
	Destination    string    `json:"destination"`
	Protocol       string    `json:"protocol"`
	SourcePort     int       `json:"source_port"`
	Port           int       `json:"port"`
	ICMPType       int       `json:"icmp_type"`
	ICMPCode       int       `json:"icmp_code"`
	Fragment       bool      `json:"fragment"`
	Count          uint64    `json:"count"` // of those that were looked at
	FirstSeen      time.Time `json:"first_seen"`
	LastSeen       time.Time `json:"last_seen"`
}

// DropTotal counts every packet that was dropped for one reason since somebody
// began to look.
type DropTotal struct {
	Host      string `json:"host"`
	NIC       string `json:"nic"`
	Direction string `json:"direction"`
	Reason    string `json:"reason"`
	Packets   uint64 `json:"packets"`
	Bytes     uint64 `json:"bytes"`
}

// DropList is what was dropped, the latest first.
type DropList struct {
	Items  []Drop       `json:"items"`
	Totals []DropTotal  `json:"totals"`
	Hosts  []HostAnswer `json:"hosts"`
	Until  time.Time    `json:"until"` // to go on from
	Rate   int          `json:"rate"`  // packets a second of a NIC that are looked at
}

// DropFilter narrows a list of drops; what is zero does not.
type DropFilter struct {
	NIC   string
	Since time.Time     // only what came later: DropList.Until
	Wait  time.Duration // hold the answer until there is something to tell, at most 60 s
	Limit string        // at most 1000, a host
}

// Drops lists what is dropped of the packets of an account's NICs. Hosts look for
// drops for ten seconds after each call, and for none otherwise.
func (c *Client) Drops(ctx context.Context, acct string, f DropFilter, opts ...CallOption) (l DropList, err error) {
	pairs := []string{"nic", f.NIC, "limit", f.Limit}
	if !f.Since.IsZero() {
		pairs = append(pairs, "since", f.Since.Format(time.RFC3339Nano))
	}
	if f.Wait > 0 {
		pairs = append(pairs, "wait", f.Wait.String())
	}
	opts = append([]CallOption{func(c *call) { c.wait = f.Wait }}, opts...)
	err = c.Do(ctx, http.MethodGet, account(acct, "drops")+query(pairs...), nil, &l, opts...)
	return l, err
}
