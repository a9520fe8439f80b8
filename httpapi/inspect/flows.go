package inspect

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
)

type flowJSON struct {
	Host string `json:"host"`
	inquiry.Flow
	Rules []RuleRef `json:"rules"`
}

// RuleRef names a rule.
type RuleRef struct {
	Group string `json:"group"`
	Rule  string `json:"rule"`
}

type flowsJSON struct {
	Items []flowJSON   `json:"items"`
	Hosts []HostAnswer `json:"hosts"`
}

// Flows lists the installed flows of the account's NICs, as the hosts have
// them now.
func (i *Inspector) Flows(ctx context.Context, in *transport.Input) (any, error) {
	limit, err := in.Limit()
	if err != nil {
		return nil, err
	}
	if cookie := in.Query("cookie"); cookie != "" {
		if _, err := strconv.ParseUint(cookie, 0, 64); err != nil {
			return nil, transport.BadParameter("cookie is a 64-bit number, such as 0x5247060000000001")
		}
	}
	group := secgroup.ParseGroupRef(in.Account, in.Query("group"))
	var mu sync.Mutex
	out := flowsJSON{Items: []flowJSON{}}
	out.Hosts, err = i.perHost(ctx, in, func(ctx context.Context, at hostAsk) HostAnswer {
		host := at.host
		var answer inquiry.FlowsAnswer
		err := asking.Ask(ctx, i.Store, host, inquiry.KindFlows, inquiry.FlowsQuestion{
			Account: in.Account, NICs: at.nics, Shared: at.known.List(), Group: group.ID, GroupAccount: group.Account, Rule: in.Query("rule"),
			Cookie: in.Query("cookie"), Limit: limit,
		}, &answer)
		if err != nil {
			return HostAnswer{Host: host, Error: asking.NoAnswer(host, err)}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, f := range answer.Flows {
			item := flowJSON{Host: host, Flow: f, Rules: []RuleRef{}}
			for _, r := range f.Rules {
				if group, rule := at.known.Rule(&r, in.Account); rule != nil {
					item.Rules = append(item.Rules, RuleRef{*group, *rule})
				}
			}
			out.Items = append(out.Items, item)
		}
		return HostAnswer{Host: host, Applied: &answer.Applied, Truncated: answer.Truncated}
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out.Items, func(a, b flowJSON) int { return cmp.Compare(a.Host, b.Host) })
	return out, nil
}
