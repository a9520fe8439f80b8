package controller

import (
	"fmt"
	"slices"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/store"
)

// maxNamedRecords bounds the unreadable records that the status names.
const maxNamedRecords = 10

// recordsError says which records of the policy cannot be read.
type recordsError []store.Unreadable

func (e recordsError) Error() string {
	text := fmt.Sprintf("%d cannot be read, their objects are enforced no wider than before", len(e))
	for i, u := range e {
		if i == maxNamedRecords {
			return text + "; …"
		}
		text += fmt.Sprintf("; %s: %s", u.Key, u.Reason)
	}
	return text
}

// share notes what an update of the share says beside the share.
func (r *reporter) share(u share.Update) {
	switch {
	case r.waits == nil:
	case u.Delta.Full:
		r.waits.forget()
	case u.Revision > r.shared: // else it is what was plugged that has changed
		r.waits.came(u.Revision)
	}
	r.shared = u.Revision
	if !slices.Equal(r.records, u.Unreadable) {
		r.records = u.Unreadable
		r.unreadable(u.Unreadable)
	}
}

// unreadable notes the records of the policy that cannot be read.
func (r *reporter) unreadable(all []store.Unreadable) {
	r.metrics.unreadable.Set(float64(len(all)))
	if len(all) == 0 {
		r.problem("records", nil)
		return
	}
	r.problem("records", recordsError(all))
}
