package realization

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ringfence/ringfence/store"
)

// The states of a realization.
const (
	Realized = "realized"
	pending  = "pending"
)

// Report says how far hosts are.
type Report struct {
	Revision int64     `json:"revision"`
	State    string    `json:"state"`
	Lagging  []Laggard `json:"lagging"`
}

// Laggard is a host that has not applied what it must, or several.
type Laggard struct {
	Host    *string `json:"host"` // null: some without a NIC of the account
	Applied int64   `json:"applied_revision"`
	Reason  string  `json:"reason"`
	Private bool    `json:"-"` // the reason is the host's own word
}

// reporting is what is asked of *store.Store.
type reporting interface {
	Host(name string) (store.HostStatus, bool)
	WaitEach(ctx context.Context, hosts []string, done func(*store.HostStatus) bool, stop func() bool) error
	Generation() int64
}

// Wait waits until the hosts have what they need, or ctx ends, and says how far they
// are. A store that is lost meanwhile leaves it pending; one that has another history
// than the one that was given has lost the revision.
func (n Need) Wait(ctx context.Context, s reporting, rev, history int64, now func() time.Time) *Report {
	out := &Report{Revision: rev, State: Realized}
	out.Lagging = []Laggard{}
	if len(n) == 0 {
		return out
	}
	lost := func() bool { return s.Generation() != history }
	err := s.WaitEach(ctx, slices.Collect(maps.Keys(n)), func(h *store.HostStatus) bool { return n[h.Host].by(h) }, lost)
	switch {
	case lost():
		out.Lagging = n.lost()
	case err != nil: // it is late
		out.Lagging = n.lagging(s.Host, now())
	}
	if len(out.Lagging) > 0 {
		out.State = pending
	}
	return out
}
