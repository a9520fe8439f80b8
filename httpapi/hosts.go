package httpapi

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
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

// hostsNow is what hosts' reports are shown with.
type hostsNow struct {
	at      realization.Placement
	seating map[string]store.ClusterMember // who has the name of each host
	now     time.Time
	full    bool // the store takes no reports
}

func (a *API) hostsNow(hosts []store.HostStatus) hostsNow {
	full := errors.Is(a.store.Condition().Kind, store.ErrFull)
	return hostsNow{realization.Placement{Hosts: hosts}.Indexed(), a.seating(), a.now(), full}
}

// alive tells whether a host's controller runs. Where the store takes no reports,
// its seat says so, which it keeps all the same.
func (n hostsNow) alive(h *store.HostStatus) bool {
	seated := n.seating[h.Host].Seated
	return n.full && seated || realization.Silence(h, seated, n.now) <= realization.MaxSilence
}

// showHost shows a host's report. What it says of NICs that may not be there is
// not believed.
func (n hostsNow) showHost(v *plan.View, h *store.HostStatus) hostJSON {
	seen := h.Heartbeat
	if !h.Seen.IsZero() {
		seen = h.Seen
	}
	out := hostJSON{
		ID: h.Host, LastSeen: seen.UTC(), Alive: n.alive(h), Connected: h.Connected,
		Applied: h.Applied, Flows: h.Flows, NICs: []hostNICJSON{}, Errors: strictjson.Array(h.Errors), Version: h.Version,
		Started: h.Started.UTC(),
	}
	if h.SkewKnown {
		seconds := float64(h.Skew.Milliseconds()) / 1000
		out.ClockSkew = &seconds
	}
	member := n.seating[h.Host]
	if r := member.Rival; r != nil {
		out.Errors = append(out.Errors[:len(out.Errors):len(out.Errors)],
			"host name: the machine "+r.Machine+" (instance "+r.Instance+") reports under this name too, and is refused; this is "+member.Machine)
	}
	if h.Doubt != "" {
		out.Errors = append(slices.Clone(out.Errors), "applied revision not believed: "+h.Doubt)
	}
	for _, on := range h.NICs {
		shown := hostNICJSON{ID: on.ID, OFPort: on.OFPort, Ready: on.Ready, Error: on.Error, Applied: on.Applied}
		if nic := v.NIC(on.ID); nic != nil {
			shown.Ready = on.Ready && nic.MayBeAt(h.Host)
			if c := n.at.Conflict(nic); c != nil {
				shown.Conflict = strictjson.TextOrNull(c.Detail + ": it is at " + strings.Join(c.Hosts, ", "))
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
		now := c.api.hostsNow(c.api.store.Hosts())
		return func(h store.HostStatus) any { return now.showHost(v, &h) }
	},
}

func getHost(c *call) error {
	return c.object(func(v *plan.View) (any, string) {
		hosts := c.api.store.Hosts()
		for _, h := range hosts {
			if h.Host == c.in.Param("host") {
				return c.api.hostsNow(hosts).showHost(v, &h), "h"
			}
		}
		return nil, ""
	})
}

// deleteHost forgets a host that is no more, so that nobody waits for it.
func deleteHost(c *call) error {
	if err := c.in.NoBody(); err != nil {
		return err
	}
	host := c.in.Param("host")
	if !slices.ContainsFunc(c.api.store.Hosts(), func(h store.HostStatus) bool { return h.Host == host }) {
		return transport.NotFound()
	}
	var entry store.NoteWrite
	err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		var err error
		e := c.newAuditEntry()
		e.Changes = append(e.Changes, shape.Change{Kind: "host", ID: host, Action: "deleted", Patch: []strictjson.Op{{Op: "remove", Path: "", Value: nil}}})
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
