package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/store"
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
