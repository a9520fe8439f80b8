package effect

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

const (
	// cutWait bounds how long a dry run waits for the hosts that it asks for
	// their open connections.
	cutWait = 2 * time.Second
	cutAsks = 64 // hosts asked at a time
	// cutsListed bounds how many of the connections that would be cut are listed.
	cutsListed = 100
)

// Cuts is how many open connections a change would cut, and which, as far as
// they are known.
type Cuts struct {
	Count       int             `json:"count"`
	Connections []CutConnection `json:"connections"` // at most cutsListed
	Complete    bool            `json:"complete"`    // else there may be more
	Unanswered  []string        `json:"unanswered"`  // hosts that do not say, or not all
}

// CutConnection is an open connection as one NIC's end has it, by its first
// packet.
type CutConnection struct {
	NIC       string             `json:"nic"`
	Direction secgroup.Direction `json:"direction"`
	asking.Packet
}

// Asker asks hosts for their open connections.
type Asker struct {
	Store     Store
	Questions *asking.Questions
	Keeper    inquiry.Keeper
	Now       func() time.Time
}

// Store is what is needed of *store.Store.
type Store interface {
	Ask(ctx context.Context, host, kind string, body json.RawMessage) ([]byte, error)
	Hosts() []store.HostStatus
}

// Whom is whom to ask.
type Whom struct {
	nics   map[string][]string // by host, those whose connections the caller may know of
	silent []string            // hosts that would not answer, or are too many to ask
}

// Whom are the hosts at which something may be cut, and the NICs that may have it:
// also those whose other end alone cuts. viewer is the account of which alone the
// caller may learn, "" for all.
func (a Asker) Whom(viewer string, i impact.Impact, before, after *secgroup.Snapshot) Whom {
	ask := Whom{nics: map[string][]string{}}
	if i.Loss.Empty() {
		return ask
	}
	all := a.Store.Hosts()
	sees := Visible{viewer, []*secgroup.Snapshot{before}}
	near := (&realization.Concern{Impact: i, Policy: after}).Domains(realization.Plugged(before, all))
	for _, h := range all {
		for _, at := range h.NICs {
			n := before.NIC(at.ID)
			if n != nil && sees.NIC(n.ID) && (near[before.Domain(n)] || i.Loss.Reaches(after, n.ID, false)) {
				ask.nics[h.Host] = append(ask.nics[h.Host], n.ID)
			}
		}
		if len(ask.nics[h.Host]) > 0 && (realization.Silence(&h, false, a.Now()) > realization.MaxSilence || len(ask.nics) > asking.HostsAsked) {
			ask.silent = append(ask.silent, h.Host)
			delete(ask.nics, h.Host)
		}
	}
	return ask
}

// Connections asks hosts for the open connections of NICs, for an account.
func (a Asker) Connections(ctx context.Context, account string, ask Whom) ([]inquiry.Connection, *Cuts) {
	end, err := a.Questions.Begin(account, len(ask.nics), a.Now())
	if err != nil { // what the change is about is told all the same
		return nil, &Cuts{Connections: []CutConnection{}, Unanswered: slices.Sorted(slices.Values(slices.Concat(ask.silent, slices.Collect(maps.Keys(ask.nics)))))}
	}
	defer end()
	ctx, cancel := context.WithTimeout(ctx, cutWait)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var found []inquiry.Connection
	out := &Cuts{Connections: []CutConnection{}, Unanswered: strictjson.Array(ask.silent)}
	slots := make(chan struct{}, cutAsks)
	for host, nics := range ask.nics {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			var answer inquiry.ConnectionsAnswer
			err := a.Keeper.Run("connections of "+host, func() error {
				return asking.Ask(ctx, a.Store, host, inquiry.KindConnections, inquiry.ConnectionsQuestion{NICs: nics}, &answer)
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

// Judge sets which connections are allowed before a change and not after it. One
// that two NICs of ours have, each in its own zone, is one, and listed for the
// NIC whose id sorts first.
func (j *Cuts) Judge(found []inquiry.Connection, before, after *secgroup.Snapshot) {
	type tuple struct {
		domain string
		packet packet.Tuple
	}
	slices.SortFunc(found, func(a, b inquiry.Connection) int {
		p, q := a.Packet, b.Packet
		return cmp.Or(cmp.Compare(a.NIC, b.NIC), p.Src.Compare(q.Src), p.Dst.Compare(q.Dst), cmp.Compare(p.Proto, q.Proto),
			cmp.Compare(p.DstPort, q.DstPort), cmp.Compare(p.SrcPort, q.SrcPort))
	})
	seen := map[tuple]bool{}
	for _, conn := range found {
		n := before.NIC(conn.NIC)
		if n == nil {
			continue
		}
		at := tuple{before.Domain(n), conn.Packet}
		if seen[at] || !stands(before, conn) || stands(after, conn) {
			continue
		}
		seen[at] = true
		if len(j.Connections) < cutsListed {
			j.Connections = append(j.Connections, CutConnection{conn.NIC, secgroup.Direction(conn.Direction), asking.ShowPacket(conn.Packet)})
		}
	}
	j.Count = len(seen)
}

// stands judges a connection as hosts do after a change, for both of its ends:
// one of them cuts it if it does not stand.
func stands(s *secgroup.Snapshot, conn inquiry.Connection) bool {
	n := s.NIC(conn.NIC)
	return n != nil && impact.Allowed(s, n, impact.Conn{
		Packet: conn.Packet, Both: true, Sent: conn.Reason == "unrestricted" || conn.Reason == "baseline",
	})
}
