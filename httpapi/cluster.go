package httpapi

import (
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/store"
)

// unreadableDetail says why an object is not written. Where its record is in
// the store is for the platform, which sees it in /v1/cluster.
func unreadableDetail(err error) string {
	var record *store.RecordError
	if errors.As(err, &record) {
		return fmt.Sprintf("the object's record is not written, since this version cannot read it: %v; it is enforced no wider than before", record.Err)
	}
	return "the object's record is not written, since this version cannot read it"
}

// levelDetail says how many members a change waits for. Which they are is for
// the platform, which sees them in /v1/cluster.
func levelDetail(err error) string {
	var level *store.LevelError
	if !errors.As(err, &level) {
		return "not every host and API of the cluster understands this yet"
	}
	if len(level.Holdouts) == 0 {
		return fmt.Sprintf("it needs level %d and the cluster is at %d: nobody has said yet that all older APIs are gone", level.Needs, level.Level)
	}
	return fmt.Sprintf("it needs level %d and the cluster is at %d: %d hosts or APIs do not understand it yet", level.Needs, level.Level, len(level.Holdouts))
}
