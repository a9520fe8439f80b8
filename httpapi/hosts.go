package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

type hostJSON struct {
	ID        string        `json:"id"`
	LastSeen  time.Time     `json:"last_seen"`
	Alive     bool          `json:"alive"`
	Connected bool          `json:"connected"`
	Applied   int64         `json:"applied_revision"`
	Flows     int           `json:"flows"`
	NICs      []hostNICJSON `json:"nics"`
	Errors    []string      `json:"errors"`
	Version   string        `json:"version"`
	Started   time.Time     `json:"started_at"`
	ClockSkew *float64      `json:"clock_skew_seconds"` // null: not known yet
}

type hostNICJSON struct {
	ID      string `json:"id"`
	OFPort  uint32 `json:"ofport"`
	Ready   bool   `json:"ready"`
	Error   string `json:"error"`
	Applied int64  `json:"applied_revision"`
	// Conflict says that the NIC may not be here, or is at another host too.
	Conflict *string `json:"conflict"`
}

// silence is how long nothing has been heard of a host. Reports are timed by
// this process when they come, since clocks differ. One that was there before
// this process began to look tells the host's time alone; then a seat, which
// ends by etcd's time, says that the host is alive.
func silence(h *store.HostStatus, seated bool, now time.Time) time.Duration {
	switch {
	case !h.Seen.IsZero():
		return now.Sub(h.Seen)
	case seated:
		return 0
	}
	return now.Sub(h.Heartbeat)
}

// seating is who has the name of each host, and who would like it.
func (a *API) seating() map[string]store.ClusterMember {
	hosts := map[string]store.ClusterMember{}
	for _, m := range a.store.Cluster().Members {
		if m.Kind == store.MemberHost {
			hosts[m.ID] = m
		}
	}
	return hosts
}

// showHost shows a host's report. What it says of NICs that may not be there is
// not believed.
func showHost(v *plan.View, at placement, h *store.HostStatus, member store.ClusterMember, now time.Time) hostJSON {
	seen := h.Heartbeat
	if !h.Seen.IsZero() {
		seen = h.Seen
	}
	out := hostJSON{
		ID: h.Host, LastSeen: seen.UTC(), Alive: silence(h, member.Seated, now) <= hostSilence, Connected: h.Connected,
		Applied: h.Applied, Flows: h.Flows, NICs: []hostNICJSON{}, Errors: list(h.Errors), Version: h.Version,
		Started: h.Started.UTC(),
	}
	if h.SkewKnown {
		seconds := float64(h.Skew.Milliseconds()) / 1000
		out.ClockSkew = &seconds
	}
	if r := member.Rival; r != nil {
		out.Errors = append(out.Errors[:len(out.Errors):len(out.Errors)],
			"host name: the machine "+r.Machine+" (instance "+r.Instance+") reports under this name too, and is refused; this is "+member.Machine)
	}
	if h.Doubt != "" {
		out.Errors = append(slices.Clone(out.Errors), "applied revision not believed: "+h.Doubt)
	}
	for _, n := range h.NICs {
		shown := hostNICJSON{ID: n.ID, OFPort: n.OFPort, Ready: n.Ready, Error: n.Error, Applied: n.Applied}
		if nic := v.NIC(n.ID); nic != nil {
			shown.Ready = n.Ready && nic.MayBeAt(h.Host)
			if c := at.conflict(nic); c != nil {
				shown.Conflict = text(c.Detail + ": it is at " + strings.Join(c.Hosts, ", "))
			}
		}
		out.NICs = append(out.NICs, shown)
	}
	return out
}

// hostList is the hosts as they report themselves. They are no part of the
// policy and have no revisions: a page shows what they said last.
var hostList = listing[store.HostStatus]{
	items: func(c *call, _ *plan.View) ([]store.HostStatus, error) { return c.api.store.Hosts(), nil },
	key:   func(h store.HostStatus) string { return h.Host },
	show: func(c *call, v *plan.View) func(store.HostStatus) any {
		now, seating, at := c.api.now(), c.api.seating(), placement{hosts: c.api.store.Hosts()}.indexed()
		return func(h store.HostStatus) any { return showHost(v, at, &h, seating[h.Host], now) }
	},
}

func getHost(c *call) error {
	return c.object(func(v *plan.View) (any, string) {
		hosts := c.api.store.Hosts()
		for _, h := range hosts {
			if h.Host == c.param("host") {
				return showHost(v, placement{hosts: hosts}.indexed(), &h, c.api.seating()[h.Host], c.api.now()), "h"
			}
		}
		return nil, ""
	})
}

// deleteHost forgets a host that is no more, so that nobody waits for it.
func deleteHost(c *call) error {
	if err := c.noBody(); err != nil {
		return err
	}
	host := c.param("host")
	if !reports(c.api.store.Hosts(), host) {
		return notFound()
	}
	var entry store.NoteWrite
	err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		var err error
		e := c.newAuditEntry()
		e.Changes = append(e.Changes, changeJSON{Kind: "host", ID: host, Action: "deleted", Patch: []patchOp{{"remove", "", nil}}})
		entry, err = c.auditNote(e, "", s.Revision())
		return err
	})
	if err != nil {
		return err
	}
	if err := c.api.store.DeleteHost(c.req.Context(), host, entry); err != nil {
		return err
	}
	c.res.WriteHeader(http.StatusNoContent)
	return nil
}
