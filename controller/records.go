package controller

import (
	"fmt"
	"slices"
	"time"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/store"
)

// maxNamedRecords bounds the unreadable records that the status names.
const maxNamedRecords = 10

// unreadableError says which records of the policy cannot be read.
type unreadableError []store.Unreadable

func (e unreadableError) Error() string {
	text := fmt.Sprintf("%d cannot be read, their objects are enforced no wider than before", len(e))
	for i, u := range e {
		if i == maxNamedRecords {
			return text + "; …"
		}
		text += fmt.Sprintf("; %s: %s", u.Key, u.Reason)
	}
	return text
}

// shareUpdated is called with each update of the share: it reports whether the share is a
// kept one and which records cannot be read, and begins to measure how long the change takes.
func (r *reporter) shareUpdated(u share.Update) {
	switch {
	case r.applyTimes == nil:
	case u.Delta.Full || u.Anew:
		r.applyTimes.forget()
	case u.Revision > r.shareRevision: // else the share changed because NICs were plugged
		r.applyTimes.read(u.Revision)
	}
	r.shareRevision = u.Revision
	if !slices.Equal(r.unreadableTold, u.Unreadable) {
		r.unreadableTold = u.Unreadable
		r.unreadable(u.Unreadable)
	}
	if u.Kept == nil {
		r.metrics.stale.Set(0)
		r.problem("policy", nil)
		return
	}
	r.metrics.stale.Set(1)
	r.problem("policy", staleError{u.Revision, u.Kept.Saved})
}

// staleError says that the host enforces what it has kept.
type staleError struct {
	revision int64
	saved    time.Time
}

func (e staleError) Error() string {
	return fmt.Sprintf("stale: since the start nobody has said what the policy is; revision %d is enforced, as it was kept on this host at %s", e.revision, e.saved.Format(time.RFC3339))
}

// unreadable notes the records of the policy that cannot be read.
func (r *reporter) unreadable(all []store.Unreadable) {
	r.metrics.unreadable.Set(float64(len(all)))
	if len(all) == 0 {
		r.problem("records", nil)
		return
	}
	r.problem("records", unreadableError(all))
}
