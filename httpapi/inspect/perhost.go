package inspect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
)

// installedWait bounds how long a list of what is installed waits for its hosts.
const installedWait = 3 * time.Second

// HostAnswer says how a host took part in an answer.
type HostAnswer struct {
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
func (i *Inspector) perHost(ctx context.Context, in *transport.Input, ask func(context.Context, hostAsk) HostAnswer) ([]HostAnswer, error) {
	known := asking.KnownGroups{}
	only := in.Query("nic")
	byHost := map[string][]string{}
	err := i.Store.Read(ctx, func(s *secgroup.Snapshot) error {
		if n := s.NIC(only); s.Account(in.Account) == nil || only != "" && (n == nil || n.Account != in.Account) {
			return transport.NotFound()
		}
		at := realization.Placement{Places: i.Store.Places}
		for _, n := range s.NICsOfAccount(in.Account) {
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
	end, err := i.Questions.Begin(in.Account, len(byHost), i.Now())
	if err != nil {
		return nil, err
	}
	defer end()
	ctx, cancel := context.WithTimeout(ctx, installedWait)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for host, nics := range byHost {
		wg.Go(func() {
			var h HostAnswer
			if err := i.Keeper.Run("question to "+host, func() error {
				h = ask(ctx, hostAsk{host, nics, known})
				return nil
			}); err != nil {
				h = HostAnswer{Host: host, Error: err.Error()}
			}
			mu.Lock()
			defer mu.Unlock()
			hosts = append(hosts, h)
		})
	}
	wg.Wait()
	slices.SortFunc(hosts, func(a, b HostAnswer) int { return cmp.Compare(a.Host, b.Host) })
	return hosts, nil
}

// leaveOut takes hosts away beyond those that one question may ask, and says of
// them why they say nothing.
func leaveOut(byHost map[string][]string) []HostAnswer {
	out := []HostAnswer{}
	if len(byHost) <= asking.HostsAsked {
		return out
	}
	for _, host := range slices.Sorted(maps.Keys(byHost))[asking.HostsAsked:] {
		out = append(out, HostAnswer{Host: host, Error: fmt.Sprintf("not asked: one question asks at most %d hosts; ask about one NIC with ?nic=", asking.HostsAsked)})
		delete(byHost, host)
	}
	return out
}
