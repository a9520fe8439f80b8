package inspect

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
)

type connectionJSON struct {
	Host      string             `json:"host"`
	NIC       string             `json:"nic"`
	Direction secgroup.Direction `json:"direction"`
	asking.Packet
	State   *string `json:"state"`
	Expires int64   `json:"expires_in"` // seconds, unless packets arrive
	// What the datapath does not tell is null; the userspace one tells none of them.
	Packets *uint64  `json:"packets"`
	Bytes   *uint64  `json:"bytes"`
	Age     *float64 `json:"age"` // seconds
	Reason  string   `json:"reason"`
	Group   *string  `json:"group"`
	Rule    *string  `json:"rule"`
	Mark    uint32   `json:"ct_mark"`
}

type connectionsJSON struct {
	Items []connectionJSON `json:"items"`
	Hosts []HostAnswer     `json:"hosts"`
}

// Connections lists the open connections of the account's NICs, as the hosts
// have them now.
func (i *Inspector) Connections(ctx context.Context, in *transport.Input) (any, error) {
	limit, err := in.Limit()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	out := connectionsJSON{Items: []connectionJSON{}}
	out.Hosts, err = i.perHost(ctx, in, func(ctx context.Context, at hostAsk) HostAnswer {
		host := at.host
		var answer inquiry.ConnectionsAnswer
		if err := asking.Ask(ctx, i.Store, host, inquiry.KindConnections, inquiry.ConnectionsQuestion{NICs: at.nics, Limit: limit}, &answer); err != nil {
			return HostAnswer{Host: host, Error: asking.NoAnswer(host, err)}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range answer.Connections {
			item := connectionJSON{
				Host: host, NIC: conn.NIC, Direction: secgroup.Direction(conn.Direction), Packet: asking.ShowPacket(conn.Packet),
				State: strictjson.TextOrNull(conn.State), Expires: conn.Timeout, Reason: conn.Reason, Mark: conn.Mark,
			}
			item.Group, item.Rule = at.known.Rule(conn.Rule, in.Account)
			if conn.Packets > 0 {
				item.Packets, item.Bytes = &conn.Packets, &conn.Bytes
			}
			if conn.Age > 0 {
				item.Age = &conn.Age
			}
			out.Items = append(out.Items, item)
		}
		return HostAnswer{Host: host, Applied: &answer.Applied, Truncated: answer.Truncated}
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out.Items, func(a, b connectionJSON) int { return cmp.Compare(a.Host, b.Host) })
	return out, nil
}
