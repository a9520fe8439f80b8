package httpapi

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

// groupHits are the hits of a group's rules.
type groupHits struct {
	rules map[string]*shape.Hits
	none  shape.Hits // of a rule that nothing is known of
	until time.Time
}

// of returns a rule's hits.
func (g *groupHits) of(rule string) *shape.Hits {
	h := g.none
	if sum := g.rules[rule]; sum != nil {
		h.Packets, h.Bytes, h.Last = sum.Packets, sum.Bytes, sum.Last
	}
	return &h
}

// unused reports whether no hit later than ?unused_since is known.
func (g *groupHits) unused(rule string) bool {
	last := g.of(rule).Last
	return last == nil || last.Before(g.until)
}

// listRules lists a group's rules; with ?hits=true or ?unused_since=TIME also what
// they let through, which the hosts are asked for first.
func listRules(c *call) error {
	withHits, err := c.in.Flag("hits")
	if err != nil {
		return err
	}
	since := c.in.Query("unused_since")
	if !withHits && since == "" {
		return ruleList.serve(c)
	}
	h := &groupHits{rules: map[string]*shape.Hits{}, none: shape.Hits{Complete: true}}
	if since != "" {
		if h.until, err = time.Parse(time.RFC3339, since); err != nil {
			return transport.BadParameter("unused_since is a time such as 2026-01-31T00:00:00Z")
		}
	}
	if err := c.gatherHits(h); err != nil {
		return err
	}
	c.hits = h
	c.req.Header.Del("If-None-Match") // hits change without a revision
	c.res.Header().Set("Cache-Control", "no-store")
	return ruleList.serve(c)
}

// gatherHits asks the hosts of the account's NICs.
func (c *call) gatherHits(h *groupHits) error {
	ref := c.in.Group()
	var mu sync.Mutex
	hosts, err := c.perHost(func(ctx context.Context, at hostAsk) hostAnswerJSON {
		host := at.host
		var answer inquiry.HitsAnswer
		err := asking.Ask(ctx, c.api.store, host, inquiry.KindHits, inquiry.HitsQuestion{Account: ref.Account, Group: ref.ID}, &answer)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			return hostAnswerJSON{Host: host, Error: asking.NoAnswer(host, err)}
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
		return hostAnswerJSON{Host: host}
	})
	h.none.Complete = !slices.ContainsFunc(hosts, func(a hostAnswerJSON) bool { return a.Error != "" })
	return err
}
