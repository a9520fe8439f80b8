package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// The states of a realization.
const (
	stateRealized = "realized"
	statePending  = "pending"
)

// hostSilence is how long a host may be silent before it is called dead, which
// changes nothing but the reason shown.
const hostSilence = 30 * time.Second

type realizationJSON struct {
	Revision int64     `json:"revision"`
	State    string    `json:"state"`
	Lagging  []laggard `json:"lagging"`
}

type laggard struct {
	Host    *string `json:"host"` // null: some without a NIC of the account
	Applied int64   `json:"applied_revision"`
	Reason  string  `json:"reason"`
	private bool    // the reason is the host's own word
}

// realize waits up to d until the hosts have what they need, and says how far
// they are. A store that is lost meanwhile leaves it pending.
func (c *call) realize(rev int64, n need, d time.Duration) *realizationJSON {
	out := &realizationJSON{Revision: rev, State: stateRealized}
	ctx, cancel := context.WithTimeout(c.req.Context(), d)
	defer cancel()
	out.Lagging = []laggard{}
	if len(n) == 0 {
		return out
	}
	lost := func() bool { return c.api.store.Generation() != c.history }
	err := c.api.store.WaitHosts(ctx, func(hosts []store.HostStatus) bool { return lost() || n.met(hosts) })
	switch {
	case lost():
		out.Lagging = n.lost()
	case err != nil: // it is late
		out.Lagging = n.lagging(c.api.store.Hosts(), c.api.now())
	}
	if len(out.Lagging) > 0 {
		out.State = statePending
	}
	return out
}

// groupRealization answers GET …/security-groups/{g}/realization.
func groupRealization(c *call) error {
	return c.realization(func(v *plan.View) (impact.Impact, error) {
		ref := c.in.groupRef()
		if v.Group(ref) == nil {
			return impact.Impact{}, transport.NotFound()
		}
		var i impact.Impact
		i.AddGroup(ref)
		for _, r := range v.RulesReferencing(ref) {
			i.AddGroup(r.Group)
		}
		return i, nil
	})
}

// accountRealization answers GET …/accounts/{account}/realization: of the change
// at ?revision as far as it concerns the account's NICs, or of all of these.
func accountRealization(c *call) error {
	return c.realization(func(v *plan.View) (impact.Impact, error) {
		rev, err := c.in.revision()
		if err != nil {
			return impact.Impact{}, err
		}
		if v.Account(c.in.account) == nil {
			return impact.Impact{}, transport.NotFound()
		}
		changed, known := c.api.past.impactAt(rev)
		var i impact.Impact
		for _, n := range v.NICsOfAccount(c.in.account) {
			if !known || changed.Concerns(v, n.ID) {
				i.AddNIC(n.ID)
			}
		}
		return i, nil
	})
}

// platformRealization answers GET /v1/realization: of the change at ?revision,
// or of all that there is.
func platformRealization(c *call) error {
	return c.realization(func(*plan.View) (impact.Impact, error) {
		rev, err := c.in.revision()
		if err != nil {
			return impact.Impact{}, err
		}
		if i, known := c.api.past.impactAt(rev); known {
			return i, nil
		}
		return impact.Impact{All: true}, nil
	})
}

// realization answers whether an impact is realised at ?revision, which is the
// latest one unless given, after at most ?wait.
func (c *call) realization(of func(*plan.View) (impact.Impact, error)) error {
	rev, err := c.in.revision()
	if err != nil {
		return err
	}
	wait, err := c.in.waitFor()
	if err != nil {
		return err
	}
	if rev > 0 {
		if err := c.api.store.Holds(c.req.Context(), rev); errors.Is(err, store.ErrRestored) || errors.Is(err, store.ErrFutureRevision) {
			return transport.Refuse(http.StatusGone, transport.CodeCompacted, "the store has no such revision: it never had, or lost it when it was restored from a backup; look whether the change is there, and make it again if not")
		}
	}
	var n need
	err = c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		v := plan.NewView(s, s.Revision(), nil)
		i, err := of(v)
		if err != nil {
			return err
		}
		if rev == 0 {
			rev = s.Revision()
		}
		n = c.api.needs(v, i, rev)
		return nil
	})
	if err != nil {
		return err
	}
	out := c.realize(rev, n, wait)
	if out.Lagging, err = c.ownLaggards(out.Lagging); err != nil {
		return err
	}
	return c.json(out)
}
