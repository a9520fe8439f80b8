package sse

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// writeTimeout is how long a caller may take to receive one message.
const writeTimeout = 10 * time.Second

// ErrNotDelivered says that the caller does not receive.
var ErrNotDelivered = errors.New("event not delivered")

// Writer writes a stream. Each message's id is the revision up to which the caller
// knows everything. Its methods may be called beside each other.
type Writer struct {
	to http.ResponseWriter

	mu      sync.Mutex
	started bool
	rev     int64  // up to which the caller knows everything
	mark    string // of the write that rev is
	sent    int64  // the last id that the caller was sent
}

// NewWriter makes a stream for a caller who knows everything up to a revision.
func NewWriter(to http.ResponseWriter, rev int64, mark string) *Writer {
	return &Writer{to: to, rev: rev, mark: mark}
}

// Start sends the header and a first message of type "revision", which says where
// the stream begins, so that there is an id to go on from.
func (w *Writer) Start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.to.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // of proxies such as nginx
	w.to.WriteHeader(http.StatusOK)
	w.started = true
	return w.sendRevision()
}

// Reach notes a revision that has nothing for the caller, who is told of it by the next
// beat.
func (w *Writer) Reach(rev int64, mark string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rev, w.mark = rev, mark
}

// Event sends one message of a type about a revision. Its data has no newline.
func (w *Writer) Event(rev int64, mark, kind string, data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rev, w.mark = rev, mark
	return w.send("event: "+kind, string(data))
}

// Beat tells that the stream lives, and how far it is.
func (w *Writer) Beat() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started {
		return nil
	}
	if w.sent == w.rev {
		return w.send(":", "")
	}
	return w.sendRevision()
}

func (w *Writer) sendRevision() error {
	return w.send("event: revision", fmt.Sprintf(`{"revision":%d,"mark":%q}`, w.rev, w.mark))
}

// send writes one message of a first line and data, which has no newline.
func (w *Writer) send(first, data string) error {
	var b strings.Builder
	b.WriteString(first + "\n")
	if data != "" {
		fmt.Fprintf(&b, "id: %d\ndata: %s\n", w.rev, data)
		w.sent = w.rev
	}
	b.WriteString("\n")
	rc := http.NewResponseController(w.to)
	_ = rc.SetReadDeadline(time.Time{}) // or the server would end the stream; not all writers have one
	_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := w.to.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("%w: %w", ErrNotDelivered, err)
	}
	if err := rc.Flush(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotDelivered, err)
	}
	// Until the next message there is nothing to write that could be late.
	_ = rc.SetWriteDeadline(time.Time{})
	return nil
}
