package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
)

// maxListed is the greatest number of entries in one answer.
const maxListed = 5000

// tenantKinds are the kinds of flows that exist for certain tenants. The other flows serve
// all tenants alike, and are shown to none.
var tenantKinds = []ofrules.CookieKind{
	ofrules.KindNIC, ofrules.KindUnrestricted, ofrules.KindLinkLocal, ofrules.KindProfile, ofrules.KindClause, ofrules.KindRule,
}

// flows lists the flows in the switch for an account's NICs, with their counters.
func (d *Desk) flows(ctx context.Context, q inquiry.FlowsQuestion) (inquiry.FlowsAnswer, error) {
	answer := inquiry.FlowsAnswer{Flows: []inquiry.Flow{}, Applied: d.host.Applied()}
	conn := d.sw.Conn()
	if conn == nil {
		return answer, errNoSwitch
	}
	var stats []wire.FlowStats
	for _, kind := range tenantKinds {
		value, mask := kind.Cookie()
		some, err := conn.Dump(ctx, value, mask)
		if err != nil {
			return answer, err
		}
		stats = append(stats, some...)
	}
	want, err := d.selectFlows(q)
	if err != nil {
		return answer, err
	}
	limit := min(cmp.Or(q.Limit, maxListed), maxListed)
	slices.SortStableFunc(stats, func(a, b wire.FlowStats) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(b.Priority, a.Priority))
	})
	d.host.Compiled(func(c Compiled, _ uint32) {
		for _, s := range stats {
			f, ok := want(c, s)
			if !ok {
				continue
			}
			if answer.Truncated = len(answer.Flows) == limit; answer.Truncated {
				return
			}
			answer.Flows = append(answer.Flows, f)
		}
	})
	return answer, nil
}

// selectFlows returns a function that describes a flow, and reports whether the question
// asks for it. It has to be called inside of Host.Compiled.
func (d *Desk) selectFlows(q inquiry.FlowsQuestion) (func(Compiled, wire.FlowStats) (inquiry.Flow, bool), error) {
	var cookie uint64
	if q.Cookie != "" {
		var err error
		if cookie, err = strconv.ParseUint(q.Cookie, 0, 64); err != nil {
			return nil, fmt.Errorf("cookie %q: %w", q.Cookie, err)
		}
	}
	nics, profiles := map[string]bool{}, map[uint32]bool{}
	d.host.Compiled(func(c Compiled, _ uint32) {
		for _, id := range q.NICs {
			nics[id] = true
			if p, ok := c.Profile(id); ok {
				profiles[p] = true
			}
		}
	})
	return func(by Compiled, s wire.FlowStats) (inquiry.Flow, bool) {
		c, ok := ofrules.ParseCookie(s.Cookie)
		if !ok || cookie != 0 && s.Cookie != cookie {
			return inquiry.Flow{}, false
		}
		f := inquiry.Flow{
			Table: s.Table, TableName: ofrules.TableNames()[s.Table], Priority: int(s.Priority), Cookie: fmt.Sprintf("%#x", s.Cookie),
			Kind: c.Kind.String(), Match: s.Match.String(), Actions: s.Actions.String(), Packets: s.Packets, Bytes: s.Bytes,
			Age: s.Duration.Seconds(), Ofctl: s.Flow.String(),
		}
		switch c.Kind {
		case ofrules.KindNIC, ofrules.KindUnrestricted, ofrules.KindLinkLocal:
			f.NIC, _ = by.NIC(c.ID)
			ok = nics[f.NIC]
		case ofrules.KindProfile:
			ok = profiles[c.ID]
		case ofrules.KindClause:
			ok = profiles[c.ID]
			for _, a := range s.Actions.List() {
				if conj, is := a.(openflow.Conjunction); is {
					if r := ruleOf(by, conj.ID); r != nil {
						f.Rules = append(f.Rules, *r)
					}
				}
			}
		case ofrules.KindRule:
			r := ruleOf(by, c.ID)
			if ok = r != nil && (r.Account == q.Account || slices.Contains(q.Shared, inquiry.Group{Account: r.Account, ID: r.Group})); ok {
				f.Rules = []inquiry.Rule{*r}
			}
		default: // of the pipeline, of segments and of addresses: nobody's
		}
		if q.Group != "" || q.Rule != "" {
			ok = ok && slices.ContainsFunc(f.Rules, func(r inquiry.Rule) bool {
				return (q.Group == "" || r.Group == q.Group && r.Account == cmp.Or(q.GroupAccount, q.Account)) && (q.Rule == "" || r.ID == q.Rule)
			})
		}
		return f, ok
	}, nil
}
