package desk

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// countEvery is how often the counters of rules' flows are read, and those of dropped
// link-local addresses. What a flow
// counted after the last reading is lost when it is removed.
const countEvery = 10 * time.Second

// hitsKept is for how long the hits of a rule are kept that is gone, or judges no NIC here any more.
const hitsKept = 10 * time.Minute

// hits adds up what rules let through, over flows that come and go. It is kept
// while the controller runs.
type hits struct {
	mu    sync.Mutex
	since time.Time
	last  map[openflow.FlowKey]tallied
	rules map[inquiry.Rule]*inquiry.RuleHits
	gone  map[inquiry.Rule]time.Time // those of them that have judged nothing here since then
}

// tallied is a flow's counters as they were read last.
type tallied struct {
	packets, bytes uint64
	at             time.Time
}

func newHits() *hits {
	return &hits{since: time.Now(), last: map[openflow.FlowKey]tallied{}, rules: map[inquiry.Rule]*inquiry.RuleHits{}, gone: map[inquiry.Rule]time.Time{}}
}

// add takes the present counters of all flows of rules.
func (h *hits) add(now time.Time, stats []wire.FlowStats, rule func(number uint32) *inquiry.Rule) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := make(map[openflow.FlowKey]tallied, len(stats))
	for _, s := range stats {
		key := s.Key()
		next[key] = tallied{s.Packets, s.Bytes, now}
		before, seen := h.last[key]
		if seen && (s.Duration < now.Sub(before.at) || s.Packets < before.packets) {
			before = tallied{} // it was put in place anew and counts from 0
		}
		c, _ := ofrules.ParseCookie(s.Cookie)
		r := rule(c.ID)
		if s.Packets == before.packets || r == nil {
			continue
		}
		sum := h.rules[*r]
		if sum == nil {
			sum = &inquiry.RuleHits{Rule: r.ID}
			h.rules[*r] = sum
		}
		sum.Packets += s.Packets - before.packets
		sum.Bytes += s.Bytes - min(before.bytes, s.Bytes)
		if last := now.Add(-s.Idle); last.After(sum.Last) {
			sum.Last = last.UTC()
		}
	}
	h.last = next
}

// tidy forgets rules that have been gone for hitsKept: one may come back.
func (h *hits) tidy(now time.Time, there func(inquiry.Rule) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.rules {
		since, gone := h.gone[r]
		switch {
		case there(r):
			delete(h.gone, r)
		case !gone:
			h.gone[r] = now
		case now.Sub(since) >= hitsKept:
			delete(h.gone, r)
			delete(h.rules, r)
		}
	}
}

// of lists the sums of one group's rules, by rule.
func (h *hits) of(account, group string) inquiry.HitsAnswer {
	h.mu.Lock()
	defer h.mu.Unlock()
	answer := inquiry.HitsAnswer{Since: h.since.UTC(), Rules: []inquiry.RuleHits{}}
	for r, sum := range h.rules {
		if r.Account == account && r.Group == group {
			answer.Rules = append(answer.Rules, *sum)
		}
	}
	slices.SortFunc(answer.Rules, func(a, b inquiry.RuleHits) int { return cmp.Compare(a.Rule, b.Rule) })
	return answer
}

// count reads the counters of rules' flows.
func (d *Desk) count(ctx context.Context) error {
	conn := d.sw.Conn()
	if conn == nil {
		return errNoSwitch
	}
	d.counting.Lock() // two readings must not be added in the wrong order
	defer d.counting.Unlock()
	value, mask := ofrules.KindRule.Cookie()
	stats, err := conn.Dump(ctx, value, mask)
	if err != nil {
		return err
	}
	d.host.Compiled(func(c Compiled, _ uint32) {
		d.hits.add(time.Now(), stats, func(number uint32) *inquiry.Rule { return ruleOf(c, number) })
	})
	d.host.Share(func(s *span.Share) {
		d.hits.tidy(time.Now(), func(r inquiry.Rule) bool {
			g := s.Groups[secgroup.GroupRef{Account: r.Account, ID: r.Group}]
			return g != nil && g.Rule(r.ID) != nil
		})
	})
	return nil
}

// runCount counts until ctx ends.
func (d *Desk) runCount(ctx context.Context) error {
	if err := pause.For(ctx, d.cfg.Every); err != nil {
		return err
	}
	return d.readAgain(ctx, "counters of rules not read", d.count)
}

// readAgain reads counters, and again every Config.Every until ctx ends. The log says
// when they could not be read.
func (d *Desk) readAgain(ctx context.Context, failed string, read func(context.Context) error) error {
	for {
		if err := read(ctx); err != nil && ctx.Err() == nil {
			d.log.Debug(failed, "error", err)
		}
		if err := pause.For(ctx, d.cfg.Every); err != nil {
			return err
		}
	}
}

// ruleHits answers with the counters of this moment.
func (d *Desk) ruleHits(ctx context.Context, q inquiry.HitsQuestion) (inquiry.HitsAnswer, error) {
	if err := d.count(ctx); err != nil {
		return inquiry.HitsAnswer{}, err
	}
	return d.hits.of(q.Account, q.Group), nil
}
