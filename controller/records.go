package controller

import (
	"fmt"

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

// unreadable notes the records of the policy that cannot be read.
func (r *reporter) unreadable(all []store.Unreadable) {
	r.metrics.unreadable.Set(float64(len(all)))
	if len(all) == 0 {
		r.problem("records", nil)
		return
	}
	r.problem("records", recordsError(all))
}
