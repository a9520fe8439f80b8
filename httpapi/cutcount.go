package httpapi

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

const (
	// cutWait bounds how long a dry run waits for the hosts that it asks for
	// their open connections.
	cutWait = 2 * time.Second
	cutAsks = 64 // hosts asked at a time
)

// cutJSON is how many open connections a change would cut, as far as they are
// known.
type cutJSON struct {
	Count      int      `json:"count"`
	Complete   bool     `json:"complete"`   // else there may be more
	Unanswered []string `json:"unanswered"` // hosts that do not say, or not all
}

// asking is whom to ask.
type asking struct {
	nics   map[string][]string // by host, those whose connections the caller may know of
	silent []string            // hosts that would not answer, or are too many to ask
}

// hostsToAsk are the hosts at which something may be cut, and the NICs that may
// have it: also those whose other end alone cuts.
func (c *call) hostsToAsk(i impact.Impact, before, after *plan.View) asking {
	ask := asking{nics: map[string][]string{}}
	if i.Loss.Empty() {
		return ask
	}
	all := c.api.store.Hosts()
	sees := visible{c.viewer(), []*plan.View{before}}
	near := (&concern{i, after}).domains(plugged(before, all))
	for _, h := range all {
		for _, at := range h.NICs {
			n := before.NIC(at.ID)
			if n != nil && sees.nic(n.ID) && (near[before.Domain(n)] || i.Loss.Reaches(after, n.ID, false)) {
				ask.nics[h.Host] = append(ask.nics[h.Host], n.ID)
			}
		}
		if len(ask.nics[h.Host]) > 0 && (silence(&h, false, c.api.now()) > hostSilence || len(ask.nics) > hostsAsked) {
			ask.silent = append(ask.silent, h.Host)
			delete(ask.nics, h.Host)
		}
	}
	return ask
}

// connectionsOf asks hosts for the open connections of NICs.
func (c *call) connectionsOf(ask asking) ([]inquiry.Connection, *cutJSON) {
	end, err := c.api.questions.begin(c.account, len(ask.nics), c.api.now())
	if err != nil { // what the change is about is told all the same
		return nil, &cutJSON{Unanswered: slices.Sorted(slices.Values(slices.Concat(ask.silent, slices.Collect(maps.Keys(ask.nics)))))}
	}
	defer end()
	ctx, cancel := context.WithTimeout(c.req.Context(), cutWait)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var found []inquiry.Connection
	out := &cutJSON{Unanswered: list(ask.silent)}
	slots := make(chan struct{}, cutAsks)
	for host, nics := range ask.nics {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			var answer inquiry.ConnectionsAnswer
			err := c.api.keeper.Run("connections of "+host, func() error {
				return c.api.askHost(ctx, host, inquiry.KindConnections, inquiry.ConnectionsQuestion{NICs: nics}, &answer)
			})
			mu.Lock()
			defer mu.Unlock()
			found = append(found, answer.Connections...)
			if err != nil || answer.Truncated {
				out.Unanswered = append(out.Unanswered, host)
			}
		})
	}
	wg.Wait()
	slices.Sort(out.Unanswered)
	out.Complete = len(out.Unanswered) == 0
	return found, out
}

// cuts counts the connections that are allowed before a change and not after
// it. One that two NICs of ours have, each in its own zone, is one.
func cuts(found []inquiry.Connection, before, after *plan.View) int {
	type tuple struct {
		domain string
		packet inquiry.Packet
	}
	seen := map[tuple]bool{}
	for _, conn := range found {
		n := before.NIC(conn.NIC)
		if n == nil {
			continue
		}
		at := tuple{before.Domain(n), conn.Packet}
		if !seen[at] && stands(before, conn) && !stands(after, conn) {
			seen[at] = true
		}
	}
	return len(seen)
}

// stands judges a connection as hosts do after a change, for both of its ends:
// one of them cuts it if it does not stand.
func stands(v *plan.View, conn inquiry.Connection) bool {
	n := v.NIC(conn.NIC)
	return n != nil && impact.Allowed(v, n, impact.Conn{
		Packet: verdict.Packet{
			Family: secgroup.FamilyOf(conn.Packet.Src), Src: conn.Packet.Src, Dst: conn.Packet.Dst, Proto: conn.Packet.Proto,
			SrcPort: conn.Packet.SrcPort, DstPort: conn.Packet.DstPort, ICMPType: conn.Packet.ICMPType, ICMPCode: conn.Packet.ICMPCode,
		},
		Both: true, Sent: conn.Reason == "unrestricted" || conn.Reason == "baseline",
	})
}
