package httpapi

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/httpapi/lasthour"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// The last hour is looked at whenever a host reports or the policy changes, and at
// least after activityLook. A look is at all hosts, so that there is a pause after it:
// of activityPause, and with many hosts so long that looks take 1/activityShare of one
// processor's time at most.
const (
	activityPause = 50 * time.Millisecond
	activityShare = 50
	activityLook  = 5 * time.Second
)

// followActivity keeps the last hour until ctx ends. While the store is lost there
// is nothing to be seen, which is a gap.
func (a *API) followActivity(ctx context.Context, from Store) {
	for ctx.Err() == nil {
		begun := time.Now()
		_ = a.keeper.Run("activity", func() error {
			if !from.Condition().Lost() {
				a.hour.Look(from.Hosts())
			}
			return nil
		})
		pause := min(max(activityPause, activityShare*time.Since(begun)), activityLook)
		look, cancel := context.WithTimeout(ctx, activityLook)
		first := true
		_ = from.WaitHosts(look, func([]store.HostStatus) bool { // until something comes
			again := !first
			first = false
			return again
		})
		cancel()
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// getActivity answers GET …/activity: what this process has seen of the last hour.
func getActivity(c *call) error {
	var hour lasthour.Hour
	err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		if s.Account(c.in.Account) == nil {
			return transport.NotFound()
		}
		at := realization.Placement{Places: c.api.store.Places}
		var hosts []string
		seen := map[string]bool{}
		for _, n := range s.NICsOfAccount(c.in.Account) {
			if p, ok := at.Find(n); ok && !seen[p.Host] {
				seen[p.Host] = true
				hosts = append(hosts, p.Host)
			}
		}
		hour = c.api.hour.Tell(c.in.Account, hosts)
		return nil
	})
	if err != nil {
		return err
	}
	c.res.Header().Set("Cache-Control", "no-store")
	return c.json(hour)
}
