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

// countEvery is the time between two readings of the flows' counters. What a flow counts
// after the last reading before it is removed is lost.
const countEvery = 10 * time.Second

// hitsRetention is for how long the hits of a rule are kept after the rule was deleted, or
// after the last NIC that it judges left this host.
const hitsRetention = 10 * time.Minute

// hits sums up how many packets each rule has let through, however often its flows were
// removed and added since, and how many were let through at all, by account. It lives as
// long as the controller.
type hits struct {
	mu             sync.Mutex
	readings       readings
	rules          map[inquiry.Rule]*inquiry.RuleHits
	unusedSince    map[inquiry.Rule]time.Time // those of rules that judge no NIC of this host, since when
	beganByAccount map[string]uint64          // packets that began a connection, by account
}

func newHits(since time.Time) *hits {
	return &hits{readings: readings{since: since}, rules: map[inquiry.Rule]*inquiry.RuleHits{}, unusedSince: map[inquiry.Rule]time.Time{}, beganByAccount: map[string]uint64{}}
}

// add adds what the counters of the flows that let packets through have grown by since the
// last reading. rule returns which rule a flow stands for; of a flow that lets out
// unrestricted egress it returns the account alone.
func (h *hits) add(now time.Time, stats []wire.FlowStats, rule func(ofrules.Cookie) *inquiry.Rule) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readings.next(now, stats, func(s wire.FlowStats, packets, bytes uint64) {
		c, _ := ofrules.ParseCookie(s.Cookie)
		r := rule(c)
		if r == nil {
			return
		}
		h.beganByAccount[r.Account] += packets
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

// forgetUnused forgets rules that have been gone for hitsRetention. Until then a rule may
// come back, and goes on counting.
func (h *hits) forgetUnused(now time.Time, there func(inquiry.Rule) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.rules {
		since, gone := h.unusedSince[r]
		switch {
		case there(r):
			delete(h.unusedSince, r)
		case !gone:
			h.unusedSince[r] = now
		case now.Sub(since) >= hitsRetention:
			delete(h.unusedSince, r)
			delete(h.rules, r)
		}
	}
}

// connectionsBegun returns how many packets were let through of each account that has a NIC
// here, and since when they have been counted. It forgets the other accounts.
func (h *hits) connectionsBegun(there func(account string) bool) (begun map[string]uint64, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.beganByAccount, func(account string, _ uint64) bool { return !there(account) })
	return maps.Clone(h.beganByAccount), h.readings.since
}

// ofGroup lists the hits of one group's rules, sorted by rule.
func (h *hits) ofGroup(account, group string) inquiry.HitsAnswer {
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

// countHits reads the counters of the flows that let packets through, and adds them up.
func (d *Desk) countHits(ctx context.Context) error {
	conn := d.sw.Conn()
	if conn == nil {
		return errNoSwitch
	}
	d.countingHits.Lock() // two readings must not be added in the wrong order
	defer d.countingHits.Unlock()
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
		d.cfg.Begun(d.hits.connectionsBegun(func(account string) bool { return here[account] }))
	}
	d.host.Share(func(s *span.Share) {
		d.hits.forgetUnused(time.Now(), func(r inquiry.Rule) bool {
			g := s.Groups[secgroup.GroupRef{Account: r.Account, ID: r.Group}]
			return g != nil && g.Rule(r.ID) != nil
		})
	})
	return nil
}

// runCountHits calls countHits every Config.Every until ctx ends.
func (d *Desk) runCountHits(ctx context.Context) error {
	if err := pause.For(ctx, d.cfg.Every); err != nil {
		return err
	}
	return d.readAgain(ctx, "counters of rules not read", d.countHits)
}

// readAgain calls read now and every Config.Every until ctx ends. Its errors go to the log
// with the message failed.
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

// ruleHits answers a question for the hits of a group's rules, after reading the counters
// anew.
func (d *Desk) ruleHits(ctx context.Context, q inquiry.HitsQuestion) (inquiry.HitsAnswer, error) {
	if err := d.countHits(ctx); err != nil {
		return inquiry.HitsAnswer{}, err
	}
	return d.hits.ofGroup(q.Account, q.Group), nil
}
