package httpapi

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/store"
)

// The states of a realization.
const (
	stateRealized = "realized"
	statePending  = "pending"
)

// realizationJSON says how far hosts are.
type realizationJSON struct {
	Revision int64     `json:"revision"`
	State    string    `json:"state"`
	Lagging  []laggard `json:"lagging"`
}

type laggard struct {
	Host    *string `json:"host"` // null: some without a NIC of the account
	Applied int64   `json:"applied_revision"`
	Reason  string  `json:"reason"`
	private bool    `json:"-"` // the reason is the host's own word
}

// reporting is what is asked of *store.Store.
type reporting interface {
	Hosts() []store.HostStatus
	WaitHosts(ctx context.Context, done func([]store.HostStatus) bool) error
	Generation() int64
}

// wait waits until the hosts have what they need, or ctx ends, and says how far they
// are. A store that is lost meanwhile leaves it pending; one that has another history
// than the one that was given has lost the revision.
func (n need) wait(ctx context.Context, s reporting, rev, history int64, now func() time.Time) *realizationJSON {
	out := &realizationJSON{Revision: rev, State: stateRealized}
	out.Lagging = []laggard{}
	if len(n) == 0 {
		return out
	}
	lost := func() bool { return s.Generation() != history }
	err := s.WaitHosts(ctx, func(hosts []store.HostStatus) bool { return lost() || n.met(hosts) })
	switch {
	case lost():
		out.Lagging = n.lost()
	case err != nil: // it is late
		out.Lagging = n.lagging(s.Hosts(), now())
	}
	if len(out.Lagging) > 0 {
		out.State = statePending
	}
	return out
}
