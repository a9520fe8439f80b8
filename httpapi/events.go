package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strconv"
	"strings"
	"time"

	"github.com/ringfence/ringfence/httpapi/sse"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

type eventPageJSON struct {
	Items    []eventJSON `json:"items"`
	Revision int64       `json:"revision"` // to go on from
	Mark     string      `json:"mark"`     // of the write that it is
}

// maxPolled bounds the events of one answer to a long poll.
const maxPolled = 1000

// accountEvents answers GET …/events: Server-Sent Events if the caller takes
// them, else a long poll. Events are read from etcd's history, not from what
// this process remembers: so whoever goes on from the last revision they saw
// misses nothing and sees nothing twice, also at another API process.
func accountEvents(c *call) error {
	since, given, err := c.since()
	if err != nil {
		return err
	}
	mark := c.in.Query("mark")
	if mark != "" && !given {
		return transport.BadParameter("mark is that of the revision in since")
	}
	wait, err := c.in.Wait()
	if err != nil {
		return err
	}
	var now int64
	err = c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		if s.Account(c.in.Account) == nil {
			return transport.NotFound()
		}
		now = s.Revision()
		if !given {
			mark = c.api.past.MarkOf(s, now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !given {
		since = now
	}
	if !c.api.streams.Enter(c.in.Account) {
		return transport.TooMany("too many event streams are open", 5*time.Second)
	}
	defer c.api.streams.Leave(c.in.Account)
	if c.acceptsStream() {
		return c.stream(since, mark)
	}
	return c.poll(since, mark, given, wait)
}

// acceptsStream reports whether the caller asks for Server-Sent Events.
func (c *call) acceptsStream() bool {
	for part := range strings.SplitSeq(c.req.Header.Get("Accept"), ",") {
		if t, _, err := mime.ParseMediaType(part); err == nil && t == "text/event-stream" {
			return true
		}
	}
	return false
}

// since is the revision that the caller has seen: the header Last-Event-ID of a
// stream that begins anew, or ?since.
func (c *call) since() (rev int64, given bool, err error) {
	v, name := c.req.Header.Get("Last-Event-ID"), "Last-Event-ID"
	if v == "" {
		v, name = c.in.Query("since"), "since"
	}
	if v == "" {
		return 0, false, nil
	}
	rev, err = strconv.ParseInt(v, 10, 64)
	if err != nil || rev <= 0 {
		return 0, false, transport.BadParameter(fmt.Sprintf("%s is the revision of an event", name))
	}
	return rev, true, nil
}

// errPolled ends a poll that has something to answer.
var errPolled = errors.New("polled")

// poll answers the events since a revision, waiting for the first.
func (c *call) poll(since int64, mark string, given bool, wait time.Duration) error {
	page := eventPageJSON{Items: []eventJSON{}, Revision: since, Mark: mark}
	if !given { // where to begin
		return c.json(page)
	}
	// What happened already comes at once, but takes its time to be read.
	ctx, cancel := context.WithTimeout(c.req.Context(), max(wait, contactGrace))
	defer cancel()
	var newest int64
	started := func() error {
		return c.api.store.Read(ctx, func(s *secgroup.Snapshot) error { newest = s.Revision(); return c.pollDone(&page, newest, wait) })
	}
	err := c.api.store.History(ctx, since, mark, started, func(e store.Event) error {
		shown, err := c.eventOf(ctx, e)
		if err != nil {
			return err
		}
		page.Revision, page.Mark = e.Revision, e.Mark
		if shown != nil {
			page.Items = append(page.Items, *shown)
		}
		if len(page.Items) == maxPolled {
			return errPolled
		}
		return c.pollDone(&page, newest, wait)
	})
	if err != nil && !errors.Is(err, errPolled) && ctx.Err() == nil {
		return historyError(err)
	}
	c.res.Header().Set("Cache-Control", "no-store")
	return c.json(page)
}

// pollDone ends a poll that need not wait when all that there was is read.
func (c *call) pollDone(page *eventPageJSON, newest int64, wait time.Duration) error {
	if page.Revision >= newest && (len(page.Items) > 0 || wait == 0) {
		return errPolled
	}
	return nil
}

// streamBeat is how often a silent stream says that it lives. The token is
// looked at again then.
const streamBeat = 10 * time.Second

// stream answers with Server-Sent Events until the caller goes, the token is not
// valid any more, or the API is closed.
func (c *call) stream(since int64, mark string) error {
	ctx, cancel := context.WithCancel(c.req.Context())
	defer cancel()
	defer context.AfterFunc(c.api.ctx, cancel)()
	out := sse.NewWriter(c.res, since, mark)
	done := make(chan struct{})
	defer func() { cancel(); <-done }()
	go func() {
		defer close(done)
		tick := time.NewTicker(streamBeat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := c.api.keeper.Run("event stream "+c.id, func() error { //nolint:contextcheck // its request has the stream's
				if _, err := c.authorize(c.access); err != nil {
					return err
				}
				return out.Beat()
			})
			if err != nil {
				cancel()
				return
			}
		}
	}()
	err := c.api.store.History(ctx, since, mark, out.Start, func(e store.Event) error {
		shown, err := c.eventOf(ctx, e)
		if err != nil {
			return err
		}
		if shown == nil {
			out.Reach(e.Revision, e.Mark)
			return nil
		}
		data, err := json.Marshal(shown)
		if err != nil {
			return err
		}
		kind := "change"
		if len(shown.Alarms) > 0 {
			kind = "alarm"
		}
		return out.Event(e.Revision, e.Mark, kind, data)
	})
	if !c.res.Committed {
		return historyError(err)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, sse.ErrNotDelivered) {
		c.api.logger.Warn("event stream ends", "request_id", c.id, "error", err)
	}
	return nil
}
