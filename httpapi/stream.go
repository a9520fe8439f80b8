package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/store"
)

const (
	// streamBeat is how often a silent stream says that it lives. The token is
	// looked at again then.
	streamBeat = 10 * time.Second
	// streamWrite is how long a caller may take to receive one message.
	streamWrite = 10 * time.Second
	// maxStreams is how many one account may have open, polls included.
	maxStreams = 64
)

// streams counts what accounts have open.
type streams struct {
	mu   sync.Mutex
	open map[string]int
}

func (s *streams) enter(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[account] >= maxStreams {
		return false
	}
	if s.open == nil {
		s.open = map[string]int{}
	}
	s.open[account]++
	return true
}

func (s *streams) leave(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[account]--; s.open[account] == 0 {
		delete(s.open, account)
	}
}

// stream answers with Server-Sent Events (WHATWG HTML, section 9.2) until the
// caller goes, the token is not valid any more, or the API is closed. Each
// message's id is its revision; a first message of type "revision" says where
// the stream begins, so that there is an id to go on from.
func (c *call) stream(since int64, mark string) error {
	ctx, cancel := context.WithCancel(c.req.Context())
	defer cancel()
	defer context.AfterFunc(c.api.ctx, cancel)()
	out := &sse{c: c, seen: since, mark: mark}
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
				if _, err := c.authorize(c.route.access); err != nil {
					return err
				}
				return out.beat()
			})
			if err != nil {
				cancel()
				return
			}
		}
	}()
	err := c.api.store.History(ctx, since, mark, out.start, func(e store.Event) error {
		shown, err := c.eventOf(ctx, e)
		if err != nil {
			return err
		}
		return out.event(e, shown)
	})
	if !c.res.Committed {
		return historyError(err)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, errStream) {
		c.api.logger.Warn("event stream ends", "request_id", c.id, "error", err)
	}
	return nil
}

// errStream says that the caller does not receive.
var errStream = errors.New("event not delivered")

// sse writes a stream, one message at a time.
type sse struct {
	c       *call
	mu      sync.Mutex
	started bool
	seen    int64  // revision up to which the caller knows all
	mark    string // of the write that it is
	told    int64  // revision of the last id sent
}

func (s *sse) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.c.res.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // of proxies such as nginx
	s.c.res.WriteHeader(http.StatusOK)
	s.started = true
	return s.write("event: revision", fmt.Sprintf(`{"revision":%d,"mark":%q}`, s.seen, s.mark))
}

// event sends what a revision did to the account, nil for nothing.
func (s *sse) event(at store.Event, e *eventJSON) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.mark = at.Revision, at.Mark
	if e == nil {
		return nil
	}
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if len(e.Alarms) > 0 {
		return s.write("event: alarm", string(body))
	}
	return s.write("event: change", string(body))
}

// beat tells that the stream lives, and how far it is.
func (s *sse) beat() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		return nil
	}
	if s.told == s.seen {
		return s.write(":", "")
	}
	return s.write("event: revision", fmt.Sprintf(`{"revision":%d,"mark":%q}`, s.seen, s.mark))
}

// write sends one message of a first line and data, which has no newline.
func (s *sse) write(first, data string) error {
	var b strings.Builder
	b.WriteString(first + "\n")
	if data != "" {
		fmt.Fprintf(&b, "id: %d\ndata: %s\n", s.seen, data)
		s.told = s.seen
	}
	b.WriteString("\n")
	rc := http.NewResponseController(s.c.res)
	_ = rc.SetReadDeadline(time.Time{}) // or the server would end the stream; not all writers have one
	_ = rc.SetWriteDeadline(time.Now().Add(streamWrite))
	if _, err := s.c.res.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("%w: %w", errStream, err)
	}
	if err := rc.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errStream, err)
	}
	// Until the next message there is nothing to write that could be late.
	_ = rc.SetWriteDeadline(time.Time{})
	return nil
}
