package desk

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// countEvery is how often the counters of rules' flows are read, and those of dropped
// link-local addresses. What a flow
// counted after the last reading is lost when it is removed.
const countEvery = 10 * time.Second

// hitsRetention is for how long the hits of a rule are kept that is gone, or judges no NIC here any more.
const hitsRetention = 10 * time.Minute

// hits adds up what rules let through, over flows that come and go, and by account
// what was let through at all. It is kept while the controller runs.
type hits struct {
	mu       sync.Mutex
	readings readings
	rules    map[inquiry.Rule]*inquiry.RuleHits
	gone     map[inquiry.Rule]time.Time // those of them that have judged nothing here since then
	begun    map[string]uint64          // packets that began a connection, by account
}

func newHits(since time.Time) *hits {
	return &hits{readings: readings{since: since}, rules: map[inquiry.Rule]*inquiry.RuleHits{}, gone: map[inquiry.Rule]time.Time{}, begun: map[string]uint64{}}
}

// add takes the present counters of all flows that let something through. Those of
// egress that nothing restricts are of an account, and of no rule.
func (h *hits) add(now time.Time, stats []wire.FlowStats, rule func(ofrules.Cookie) *inquiry.Rule) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readings.next(now, stats, func(s wire.FlowStats, packets, bytes uint64) {
		c, _ := ofrules.ParseCookie(s.Cookie)
		r := rule(c)
		if r == nil {
			return
		}
		h.begun[r.Account] += packets
		if r.ID == "" {
			return
		}
		sum := h.rules[*r]
		if sum == nil {
			sum = &inquiry.RuleHits{Rule: r.ID}
			h.rules[*r] = sum
		}
		sum.Packets += packets
		sum.Bytes += bytes
		if last := now.Add(-s.Idle); last.After(sum.Last) {
			sum.Last = last.UTC()
		}
	})
}

// tidy forgets rules that have been gone for hitsRetention: one may come back.
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
		case now.Sub(since) >= hitsRetention:
			delete(h.gone, r)
			delete(h.rules, r)
		}
	}
}

// begunBy returns what was let through of each account that is here, and since
// when it was counted; others are forgotten.
func (h *hits) begunBy(there func(account string) bool) (begun map[string]uint64, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.begun, func(account string, _ uint64) bool { return !there(account) })
	return maps.Clone(h.begun), h.readings.since
}

// of lists the sums of one group's rules, by rule.
func (h *hits) of(account, group string) inquiry.HitsAnswer {
	h.mu.Lock()
	defer h.mu.Unlock()
	answer := inquiry.HitsAnswer{Since: h.readings.since.UTC(), Rules: []inquiry.RuleHits{}}
	for r, sum := range h.rules {
		if r.Account == account && r.Group == group {
			answer.Rules = append(answer.Rules, *sum)
		}
	}
	slices.SortFunc(answer.Rules, func(a, b inquiry.RuleHits) int { return cmp.Compare(a.Rule, b.Rule) })
	return answer
}

// count reads the counters of the flows that let packets through.
func (d *Desk) count(ctx context.Context) error {
	conn := d.sw.Conn()
	if conn == nil {
		return errNoSwitch
	}
	d.counting.Lock() // two readings must not be added in the wrong order
	defer d.counting.Unlock()
	var stats []wire.FlowStats
	for _, kind := range []ofrules.CookieKind{ofrules.KindRule, ofrules.KindUnrestricted} {
		value, mask := kind.Cookie()
		more, err := conn.Dump(ctx, value, mask)
		if err != nil {
			return err
		}
		stats = append(stats, more...)
	}
	account := map[string]string{} // of NICs
	d.host.Share(func(s *span.Share) {
		for id, n := range s.NICs {
			if n.Record != nil && n.Record.Account != "" {
				account[id] = n.Record.Account
			}
		}
	})
	d.host.Compiled(func(c Compiled, _ uint32) {
		d.hits.add(time.Now(), stats, func(of ofrules.Cookie) *inquiry.Rule {
			if of.Kind == ofrules.KindRule {
				return ruleOf(c, of.ID)
			}
			if nic, ok := c.NIC(of.ID); ok && account[nic] != "" {
				return &inquiry.Rule{Account: account[nic]}
			}
			return nil
		})
	})
	if d.cfg.Begun != nil {
		here := map[string]bool{}
		for _, a := range account {
			here[a] = true
		}
		d.cfg.Begun(d.hits.begunBy(func(account string) bool { return here[account] }))
	}
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
