package audit

import (
	"time"

	"github.com/ringfence/ringfence/httpapi/transport"
)

// Parameters filter a log.
var Parameters = []string{"actor", "kind", "id", "action", "request_id", "since", "until"}

// Filter reads the filters: who (actor), what (kind, id, action), of which
// request, and when (since and until, RFC 3339; since included, until not).
func Filter(in *transport.Input) (func(*Entry) bool, error) {
	times := map[string]time.Time{}
	for _, name := range []string{"since", "until"} {
		if v := in.Query(name); v != "" {
			at, err := time.Parse(time.RFC3339, v)
			if err != nil {
				return nil, transport.BadParameter(name + " is a time such as 2026-01-31T12:00:00Z")
			}
			times[name] = at
		}
	}
	actor, kind, id, action, request := in.Query("actor"), in.Query("kind"), in.Query("id"), in.Query("action"), in.Query("request_id")
	since, until := times["since"], times["until"]
	return func(e *Entry) bool {
		if actor != "" && e.Actor.Name != actor || request != "" && e.RequestID != request ||
			!since.IsZero() && e.Time.Before(since) || !until.IsZero() && !e.Time.Before(until) {
			return false
		}
		if kind == "" && id == "" && action == "" {
			return true
		}
		for _, ch := range e.Changes {
			if (kind == "" || ch.Kind == kind) && (id == "" || ch.ID == id) && (action == "" || ch.Action == action) {
				return true
			}
		}
		return false
	}, nil
}
