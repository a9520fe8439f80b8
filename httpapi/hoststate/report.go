package hoststate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Store is what is needed of *store.Store.
type Store interface {
	Read(ctx context.Context, f func(*secgroup.Snapshot) error) error
	Hosts() []store.HostStatus
	Places(nic string) []store.Place
	Cluster() store.Cluster
	Condition() store.Condition
}

// Host is a host's report as the API shows it.
type Host struct {
	ID        string    `json:"id"`
	LastSeen  time.Time `json:"last_seen"`
	Alive     bool      `json:"alive"`
	Connected bool      `json:"connected"`
	Applied   int64     `json:"applied_revision"`
	Flows     int       `json:"flows"`
	NICs      []NIC     `json:"nics"`
	Errors    []string  `json:"errors"`
	Version   string    `json:"version"`
	Started   time.Time `json:"started_at"`
	ClockSkew *float64  `json:"clock_skew_seconds"` // null: not known yet
	Receipt   string    `json:"receipt"`
}

// NIC is what a host says of a NIC that is plugged there.
type NIC struct {
	ID      string `json:"id"`
	OFPort  uint32 `json:"ofport"`
	Ready   bool   `json:"ready"`
	Error   string `json:"error"`
	Applied int64  `json:"applied_revision"`
	// Conflict says that the NIC may not be here, or is at another host too.
	Conflict *string `json:"conflict"`
}

// seating is who has the name of each host, and who would like it.
func seating(s Store) map[string]store.ClusterMember {
	hosts := map[string]store.ClusterMember{}
	for _, m := range s.Cluster().Members {
		if m.Kind == store.MemberHost {
			hosts[m.ID] = m
		}
	}
	return hosts
}

// Now is what hosts' reports are shown with.
type Now struct {
	at      realization.Placement
	seating map[string]store.ClusterMember // who has the name of each host
	now     time.Time
	full    bool // the store takes no reports
}

// At looks at hosts' reports at a time.
func At(s Store, now time.Time) Now {
	full := errors.Is(s.Condition().Kind, store.ErrFull)
	return Now{realization.Placement{Places: s.Places}, seating(s), now, full}
}

// Alive tells whether a host's controller runs. Where the store takes no reports,
// its seat says so, which it keeps all the same.
func (n Now) Alive(h *store.HostStatus) bool {
	seated := n.seating[h.Host].Seated
	return n.full && seated || realization.Silence(h, seated, n.now) <= realization.MaxSilence
}

// Show shows a host's report. What it says of NICs that may not be there is
// not believed.
func (n Now) Show(s *secgroup.Snapshot, h *store.HostStatus) Host {
	seen := h.Heartbeat
	if !h.Seen.IsZero() {
		seen = h.Seen
	}
	out := Host{
		ID: h.Host, LastSeen: seen.UTC(), Alive: n.Alive(h), Connected: h.Connected,
		Applied: h.Applied, Flows: h.Flows, NICs: []NIC{}, Errors: strictjson.Array(h.Errors), Version: h.Version,
		Started: h.Started.UTC(), Receipt: h.Receipt,
	}
	if h.SkewKnown {
		seconds := float64(h.Skew.Milliseconds()) / 1000
		out.ClockSkew = &seconds
	}
	member := n.seating[h.Host]
	if r := member.Rival; r != nil {
		out.Errors = append(slices.Clip(out.Errors),
			"host name: the machine "+r.Machine+" (instance "+r.Instance+") reports under this name too, and is refused; this is "+member.Machine)
	}
	if h.Doubt != "" {
		out.Errors = append(slices.Clone(out.Errors), "applied revision not believed: "+h.Doubt)
	}
	for _, on := range h.NICs {
		shown := NIC{ID: on.ID, OFPort: on.OFPort, Ready: on.Ready, Error: on.Error, Applied: on.Applied}
		if nic := s.NIC(on.ID); nic != nil {
			shown.Ready = on.Ready && nic.MayBeAt(h.Host)
			if c := n.at.Conflict(nic); c != nil {
				shown.Conflict = strictjson.TextOrNull(c.Detail + ": it is at " + strings.Join(c.Hosts, ", "))
			}
		}
		out.NICs = append(out.NICs, shown)
	}
	return out
}
