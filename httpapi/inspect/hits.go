package inspect

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/inquiry"
)

// Hits are the hits of a group's rules.
type Hits struct {
	rules map[string]*shape.Hits
	none  shape.Hits // of a rule that nothing is known of
	until time.Time
}

// Of returns a rule's hits.
func (g *Hits) Of(rule string) *shape.Hits {
	h := g.none
	if sum := g.rules[rule]; sum != nil {
		h.Packets, h.Bytes, h.Last = sum.Packets, sum.Bytes, sum.Last
	}
	return &h
}

// Unused reports whether no hit later than ?unused_since is known.
func (g *Hits) Unused(rule string) bool {
	last := g.Of(rule).Last
	return last == nil || last.Before(g.until)
}

// Hits asks what the rules of a group have let through, if ?hits=true or
// ?unused_since=TIME wants to know it; nil otherwise.
func (i *Inspector) Hits(ctx context.Context, in *transport.Input) (*Hits, error) {
	wanted, err := in.Flag("hits")
	if err != nil {
		return nil, err
	}
	since := in.Query("unused_since")
	if !wanted && since == "" {
		return nil, nil
	}
	h := &Hits{rules: map[string]*shape.Hits{}, none: shape.Hits{Complete: true}}
	if since != "" {
		if h.until, err = time.Parse(time.RFC3339, since); err != nil {
			return nil, transport.BadParameter("unused_since is a time such as 2026-01-31T00:00:00Z")
		}
	}
	return h, i.gatherHits(ctx, in, h)
}

// gatherHits asks the hosts of the account's NICs.
func (i *Inspector) gatherHits(ctx context.Context, in *transport.Input, h *Hits) error {
	ref := in.Group()
	var mu sync.Mutex
	hosts, err := i.perHost(ctx, in, func(ctx context.Context, at hostAsk) HostAnswer {
		host := at.host
		var answer inquiry.HitsAnswer
		err := asking.Ask(ctx, i.Store, host, inquiry.KindHits, inquiry.HitsQuestion{Account: ref.Account, Group: ref.ID}, &answer)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			return HostAnswer{Host: host, Error: asking.NoAnswer(host, err)}
		}
		if h.none.Since == nil || answer.Since.After(*h.none.Since) {
			h.none.Since = &answer.Since
		}
		for _, r := range answer.Rules {
			sum := h.rules[r.Rule]
			if sum == nil {
				sum = &shape.Hits{}
				h.rules[r.Rule] = sum
			}
			sum.Packets, sum.Bytes = sum.Packets+r.Packets, sum.Bytes+r.Bytes
			if sum.Last == nil || r.Last.After(*sum.Last) {
				sum.Last = &r.Last
			}
		}
		return HostAnswer{Host: host}
	})
	h.none.Complete = !slices.ContainsFunc(hosts, func(a HostAnswer) bool { return a.Error != "" })
	return err
}
