package inspect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

const (
	// dropsLook is how long hosts look for drops after somebody asked.
	dropsLook = 10 * time.Second
	// dropsAgain is how often hosts are asked, if they are few, while a request waits for drops.
	dropsAgain = 500 * time.Millisecond
)

// etherTypeARP is in a frame that is no IP packet and yet has addresses.
const etherTypeARP = 0x0806

type dropJSON struct {
	Host      string             `json:"host"`
	NIC       string             `json:"nic"`
	Direction secgroup.Direction `json:"direction"`
	Reason    string             `json:"reason"`
	Detail    string             `json:"detail"`
	// What the frame does not have is null.
	SourceMAC      *string          `json:"source_mac"`
	DestinationMAC *string          `json:"destination_mac"`
	VLAN           *uint16          `json:"vlan"`
	EtherType      *string          `json:"ether_type"`
	Family         *secgroup.Family `json:"family"`
	Source         *string          `json:"source"`
	Destination    *string          `json:"destination"`
	Protocol       *string          `json:"protocol"`
	SourcePort     uint16           `json:"source_port"`
	Port           uint16           `json:"port"`
	ICMPType       uint8            `json:"icmp_type"`
	ICMPCode       uint8            `json:"icmp_code"`
	Fragment       bool             `json:"fragment"`
	Count          uint64           `json:"count"` // of those that were looked at
	FirstSeen      time.Time        `json:"first_seen"`
	LastSeen       time.Time        `json:"last_seen"`
}

type dropTotalJSON struct {
	Host string `json:"host"`
	inquiry.DropTotal
}

type dropsJSON struct {
	Items  []dropJSON      `json:"items"`
	Totals []dropTotalJSON `json:"totals"` // of every packet since somebody began to look
	Hosts  []HostAnswer    `json:"hosts"`
	Until  *time.Time      `json:"until"` // the since to go on from; null: no host answered
	Rate   *int            `json:"rate"`  // packets a second of a NIC that are looked at
}

// Drops lists what was dropped of the packets of the account's NICs. Hosts look
// for drops while somebody asks, so that the first answer is empty; ?wait holds
// it until there is something to tell.
func (i *Inspector) Drops(ctx context.Context, in *transport.Input) (any, error) {
	limit, err := in.Limit()
	if err != nil {
		return nil, err
	}
	wait, err := in.Wait()
	if err != nil {
		return nil, err
	}
	var since time.Time
	if v := in.Query("since"); v != "" {
		if since, err = time.Parse(time.RFC3339, v); err != nil {
			return nil, transport.BadParameter("since is a time such as 2026-01-31T00:00:00Z")
		}
	}
	var out *dropsJSON
	for end := time.Now().Add(wait); ; {
		next, err := i.gatherDrops(ctx, in, since, limit)
		switch limited := (*transport.Problem)(nil); {
		case err == nil:
			out = next
		case out == nil || !errors.As(err, &limited) || limited.Status != http.StatusTooManyRequests:
			return nil, err // else the account asks too much elsewhere: the next round may be well
		}
		left := time.Until(end)
		if len(out.Items) > 0 || left <= 0 {
			return out, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(left, askAgain(len(out.Hosts)))):
		}
	}
}

// askAgain is how often so many hosts are asked while a request waits: not as
// often as would be refused.
func askAgain(hosts int) time.Duration {
	return max(dropsAgain, time.Duration(min(hosts, asking.HostsAsked))*time.Second/asking.HostsPerSecond)
}

// gatherDrops asks the hosts once.
func (i *Inspector) gatherDrops(ctx context.Context, in *transport.Input, since time.Time, limit int) (*dropsJSON, error) {
	var mu sync.Mutex
	out := &dropsJSON{Items: []dropJSON{}, Totals: []dropTotalJSON{}}
	var err error
	out.Hosts, err = i.perHost(ctx, in, func(ctx context.Context, at hostAsk) HostAnswer {
		host := at.host
		var answer inquiry.DropsAnswer
		q := inquiry.DropsQuestion{NICs: at.nics, Since: since, Seconds: int(dropsLook.Seconds()), Limit: limit}
		if err := asking.Ask(ctx, i.Store, host, inquiry.KindDrops, q, &answer); err != nil {
			return HostAnswer{Host: host, Error: asking.NoAnswer(host, err)}
		}
		mu.Lock()
		defer mu.Unlock()
		i.Dropped(in.Account, answer.Now, at.nics, answer.Totals)
		for _, d := range answer.Drops {
			out.Items = append(out.Items, showDrop(host, d))
		}
		for _, t := range answer.Totals {
			out.Totals = append(out.Totals, dropTotalJSON{host, t})
		}
		if out.Until == nil || answer.Now.Before(*out.Until) {
			out.Until = &answer.Now
		}
		if out.Rate == nil || answer.Rate < *out.Rate {
			out.Rate = &answer.Rate
		}
		return HostAnswer{Host: host, Applied: &answer.Applied, Truncated: answer.Truncated}
	})
	slices.SortStableFunc(out.Items, func(a, b dropJSON) int { return b.LastSeen.Compare(a.LastSeen) })
	slices.SortStableFunc(out.Totals, func(a, b dropTotalJSON) int {
		return slices.Compare([]string{a.NIC, a.Direction, a.Reason}, []string{b.NIC, b.Direction, b.Reason})
	})
	return out, err
}

func showDrop(host string, d inquiry.Drop) dropJSON {
	p := d.Packet
	out := dropJSON{
		Host: host, NIC: d.NIC, Direction: secgroup.Direction(d.Direction), Reason: d.Reason, Detail: d.Detail,
		SourceMAC: strictjson.TextOrNull(d.SrcMAC), DestinationMAC: strictjson.TextOrNull(d.DstMAC), Fragment: d.Fragment, Count: d.Count, FirstSeen: d.First, LastSeen: d.Last,
		SourcePort: p.SrcPort, Port: p.DstPort, ICMPType: p.ICMPType, ICMPCode: p.ICMPCode,
	}
	if d.VLAN != 0 {
		out.VLAN = &d.VLAN
	}
	if d.EtherType != 0 {
		out.EtherType = strictjson.TextOrNull(fmt.Sprintf("0x%04x", d.EtherType))
	}
	if !p.Src.IsValid() {
		return out
	}
	family := secgroup.FamilyOf(p.Src)
	out.Family, out.Source, out.Destination, out.Protocol = &family, strictjson.TextOrNull(p.Src.String()), strictjson.TextOrNull(p.Dst.String()), strictjson.TextOrNull(packet.ProtocolName(p.Proto))
	if d.EtherType == etherTypeARP {
		out.Protocol = strictjson.TextOrNull("arp")
	}
	return out
}
