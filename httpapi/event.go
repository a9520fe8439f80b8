package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/ringfence/ringfence/httpapi/alarm"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/store"
)

// eventJSON is what one revision did to an account: the data of an SSE message,
// and an item of a long poll.
type eventJSON struct {
	Revision int64          `json:"revision"`
	Mark     string         `json:"mark"`
	Changes  []shape.Change `json:"changes"`
	Alarms   []alarm.Alarm  `json:"alarms,omitempty"`
}

// eventOf is what a revision did to the account, nil if nothing.
func (c *call) eventOf(ctx context.Context, e store.Event) (*eventJSON, error) {
	out := &eventJSON{Revision: e.Revision, Mark: e.Mark, Changes: []shape.Change{}}
	for _, ch := range e.Changes {
		if shape.AccountOf(ch.Key, ch.After, ch.Before) != c.in.Account {
			continue
		}
		shown, changed, err := shape.ShowChange(ch.Key, ch.Before, ch.After)
		if err != nil {
			return nil, err
		}
		if changed {
			shown.Account = ""
			out.Changes = append(out.Changes, shown)
		}
	}
	if len(e.Changes) == 0 {
		var err error
		if out.Alarms, err = c.api.alarms.At(ctx, c.in.Account, e.Revision); err != nil {
			return nil, err
		}
	}
	if len(out.Changes)+len(out.Alarms) == 0 {
		return nil, nil
	}
	return out, nil
}

// historyError turns an error of the store's history into what to answer.
func historyError(err error) error {
	switch {
	case errors.Is(err, store.ErrCompacted):
		return transport.Refuse(http.StatusGone, transport.CodeCompacted, "events since that revision are not kept any more; read the lists anew, and go on from their revision")
	case errors.Is(err, store.ErrFutureRevision):
		return transport.Refuse(http.StatusGone, transport.CodeCompacted, "the store is not at that revision: it may have been restored from a backup; read the lists anew, and go on from their revision")
	case errors.Is(err, store.ErrRestored):
		return transport.Refuse(http.StatusGone, transport.CodeCompacted, "that revision is of a history that the store lost when it was restored from a backup, or may be: without its mark that cannot be told; ask for events without since, read the lists anew, and go on from the revision and mark of that answer")
	}
	return err
}
