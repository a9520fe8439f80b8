package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
)

// installedWait bounds how long a list of what is installed waits for its hosts.
const installedWait = 3 * time.Second

// hostAnswerJSON says how a host took part in an answer.
type hostAnswerJSON struct {
	Host      string `json:"host"`
	Applied   *int64 `json:"applied_revision"`
	Error     string `json:"error"`     // why it says nothing; "" if it did
	Truncated bool   `json:"truncated"` // it has more than it said
}

// hostAsk is what to ask a host about.
type hostAsk struct {
	host  string
	nics  []string           // that are plugged there
	known asking.KnownGroups // of all hosts
}

// perHost asks each host that has NICs of the account plugged, or that has the
// one of ?nic, at the same time.
func (c *call) perHost(ask func(context.Context, hostAsk) hostAnswerJSON) ([]hostAnswerJSON, error) {
	known := asking.KnownGroups{}
	only := c.in.Query("nic")
	byHost := map[string][]string{}
	err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		if n := s.NIC(only); s.Account(c.in.Account) == nil || only != "" && (n == nil || n.Account != c.in.Account) {
			return transport.NotFound()
		}
		at := realization.Placement{Hosts: c.api.store.Hosts()}.Indexed()
		for _, n := range s.NICsOfAccount(c.in.Account) {
			if p, ok := at.Find(n); ok && (only == "" || n.ID == only) {
				byHost[p.Host] = append(byHost[p.Host], n.ID)
				known.Add(s, n)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	hosts := leaveOut(byHost)
	end, err := c.api.questions.Begin(c.in.Account, len(byHost), c.api.now())
	if err != nil {
		return nil, err
	}
	defer end()
	ctx, cancel := context.WithTimeout(c.req.Context(), installedWait)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for host, nics := range byHost {
		wg.Go(func() {
			var h hostAnswerJSON
			if err := c.api.keeper.Run("question to "+host, func() error {
				h = ask(ctx, hostAsk{host, nics, known})
				return nil
			}); err != nil {
				h = hostAnswerJSON{Host: host, Error: err.Error()}
			}
			mu.Lock()
			defer mu.Unlock()
			hosts = append(hosts, h)
		})
	}
	wg.Wait()
	slices.SortFunc(hosts, func(a, b hostAnswerJSON) int { return cmp.Compare(a.Host, b.Host) })
	return hosts, nil
}

// leaveOut takes hosts away beyond those that one question may ask, and says of
// them why they say nothing.
func leaveOut(byHost map[string][]string) []hostAnswerJSON {
	out := []hostAnswerJSON{}
	if len(byHost) <= asking.HostsAsked {
		return out
	}
	for _, host := range slices.Sorted(maps.Keys(byHost))[asking.HostsAsked:] {
		out = append(out, hostAnswerJSON{Host: host, Error: fmt.Sprintf("not asked: one question asks at most %d hosts; ask about one NIC with ?nic=", asking.HostsAsked)})
		delete(byHost, host)
	}
	return out
}

type flowJSON struct {
	Host string `json:"host"`
	inquiry.Flow
	Rules []ruleRefJSON `json:"rules"`
}

type ruleRefJSON struct {
	Group string `json:"group"`
	Rule  string `json:"rule"`
}

type flowsJSON struct {
	Items []flowJSON       `json:"items"`
	Hosts []hostAnswerJSON `json:"hosts"`
}

// getFlows lists the installed flows of the account's NICs, as the hosts have
// them now.
func getFlows(c *call) error {
	limit, err := c.in.Limit()
	if err != nil {
		return err
	}
	if cookie := c.in.Query("cookie"); cookie != "" {
		if _, err := strconv.ParseUint(cookie, 0, 64); err != nil {
			return transport.BadParameter("cookie is a 64-bit number, such as 0x5247060000000001")
		}
	}
	group := secgroup.ParseGroupRef(c.in.Account, c.in.Query("group"))
	var mu sync.Mutex
	out := flowsJSON{Items: []flowJSON{}}
	out.Hosts, err = c.perHost(func(ctx context.Context, at hostAsk) hostAnswerJSON {
		host := at.host
		var answer inquiry.FlowsAnswer
		err := asking.Ask(ctx, c.api.store, host, inquiry.KindFlows, inquiry.FlowsQuestion{
			Account: c.in.Account, NICs: at.nics, Shared: at.known.List(), Group: group.ID, GroupAccount: group.Account, Rule: c.in.Query("rule"),
			Cookie: c.in.Query("cookie"), Limit: limit,
		}, &answer)
		if err != nil {
			return hostAnswerJSON{Host: host, Error: asking.NoAnswer(host, err)}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, f := range answer.Flows {
			item := flowJSON{Host: host, Flow: f, Rules: []ruleRefJSON{}}
			for _, r := range f.Rules {
				if group, rule := at.known.Rule(&r, c.in.Account); rule != nil {
					item.Rules = append(item.Rules, ruleRefJSON{*group, *rule})
				}
			}
			out.Items = append(out.Items, item)
		}
		return hostAnswerJSON{Host: host, Applied: &answer.Applied, Truncated: answer.Truncated}
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(out.Items, func(a, b flowJSON) int { return cmp.Compare(a.Host, b.Host) })
	return c.json(out)
}

type connectionJSON struct {
	Host      string             `json:"host"`
	NIC       string             `json:"nic"`
	Direction secgroup.Direction `json:"direction"`
	asking.Packet
	State   *string `json:"state"`
	Expires int64   `json:"expires_in"` // seconds, unless packets arrive
	// What the datapath does not tell is null; the userspace one tells none of them.
	Packets *uint64  `json:"packets"`
	Bytes   *uint64  `json:"bytes"`
	Age     *float64 `json:"age"` // seconds
	Reason  string   `json:"reason"`
	Group   *string  `json:"group"`
	Rule    *string  `json:"rule"`
	Mark    uint32   `json:"ct_mark"`
}

type connectionsJSON struct {
	Items []connectionJSON `json:"items"`
	Hosts []hostAnswerJSON `json:"hosts"`
}

// getConnections lists the open connections of the account's NICs, as the hosts
// have them now.
func getConnections(c *call) error {
	limit, err := c.in.Limit()
	if err != nil {
		return err
	}
	var mu sync.Mutex
	out := connectionsJSON{Items: []connectionJSON{}}
	out.Hosts, err = c.perHost(func(ctx context.Context, at hostAsk) hostAnswerJSON {
		host := at.host
		var answer inquiry.ConnectionsAnswer
		if err := asking.Ask(ctx, c.api.store, host, inquiry.KindConnections, inquiry.ConnectionsQuestion{NICs: at.nics, Limit: limit}, &answer); err != nil {
			return hostAnswerJSON{Host: host, Error: asking.NoAnswer(host, err)}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range answer.Connections {
			item := connectionJSON{
				Host: host, NIC: conn.NIC, Direction: secgroup.Direction(conn.Direction), Packet: asking.ShowPacket(conn.Packet),
				State: strictjson.TextOrNull(conn.State), Expires: conn.Timeout, Reason: conn.Reason, Mark: conn.Mark,
			}
			item.Group, item.Rule = at.known.Rule(conn.Rule, c.in.Account)
			if conn.Packets > 0 {
				item.Packets, item.Bytes = &conn.Packets, &conn.Bytes
			}
			if conn.Age > 0 {
				item.Age = &conn.Age
			}
			out.Items = append(out.Items, item)
		}
		return hostAnswerJSON{Host: host, Applied: &answer.Applied, Truncated: answer.Truncated}
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(out.Items, func(a, b connectionJSON) int { return cmp.Compare(a.Host, b.Host) })
	return c.json(out)
}
