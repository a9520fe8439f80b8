package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// realize waits up to d until the hosts have what they need, and says how far
// they are, as far as it is the caller's business. A store that is lost meanwhile
// leaves it pending.
func (c *call) realize(rev int64, n realization.Need, d time.Duration) (*realization.Report, error) {
	ctx, cancel := context.WithTimeout(c.req.Context(), d)
	defer cancel()
	out := n.Wait(ctx, c.api.store, rev, c.history, c.api.now)
	var err error
	out.Lagging, err = c.ownLaggards(out.Lagging)
	return out, err
}

// groupRealization answers GET …/security-groups/{g}/realization.
func groupRealization(c *call) error {
	return c.realization(func(s *secgroup.Snapshot) (impact.Impact, error) {
		ref := c.in.Group()
		if s.Group(ref) == nil {
			return impact.Impact{}, transport.NotFound()
		}
		var i impact.Impact
		i.AddGroup(ref)
		for _, r := range s.RulesReferencing(ref) {
			i.AddGroup(r.Group)
		}
		return i, nil
	})
}

// accountRealization answers GET …/accounts/{account}/realization: of the change
// at ?revision as far as it concerns the account's NICs, or of all of these.
func accountRealization(c *call) error {
	return c.realization(func(s *secgroup.Snapshot) (impact.Impact, error) {
		rev, err := c.in.Revision()
		if err != nil {
			return impact.Impact{}, err
		}
		if s.Account(c.in.Account) == nil {
			return impact.Impact{}, transport.NotFound()
		}
		changed, known := c.api.past.ImpactAt(rev)
		var i impact.Impact
		for _, n := range s.NICsOfAccount(c.in.Account) {
			if !known || changed.Concerns(s, n.ID) {
				i.AddNIC(n.ID)
			}
		}
		return i, nil
	})
}

// platformRealization answers GET /v1/realization: of the change at ?revision,
// or of all that there is.
func platformRealization(c *call) error {
	return c.realization(func(*secgroup.Snapshot) (impact.Impact, error) {
		rev, err := c.in.Revision()
		if err != nil {
			return impact.Impact{}, err
		}
		if i, known := c.api.past.ImpactAt(rev); known {
			return i, nil
		}
		return impact.Impact{All: true}, nil
	})
}

// realization answers whether an impact is realised at ?revision, which is the
// latest one unless given, after at most ?wait.
func (c *call) realization(of func(*secgroup.Snapshot) (impact.Impact, error)) error {
	rev, err := c.in.Revision()
	if err != nil {
		return err
	}
	wait, err := c.in.Wait()
	if err != nil {
		return err
	}
	if rev > 0 {
		if err := c.api.store.Holds(c.req.Context(), rev); errors.Is(err, store.ErrRestored) || errors.Is(err, store.ErrFutureRevision) {
			return transport.Refuse(http.StatusGone, transport.CodeCompacted, "the store has no such revision: it never had, or lost it when it was restored from a backup; look whether the change is there, and make it again if not")
		}
	}
	var n realization.Need
	err = c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		i, err := of(s)
		if err != nil {
			return err
		}
		if rev == 0 {
			rev = s.Revision()
		}
		n = c.api.past.Needs(s, c.api.store, i, rev)
		return nil
	})
	if err != nil {
		return err
	}
	out, err := c.realize(rev, n, wait)
	if err != nil {
		return err
	}
	return c.json(out)
}
