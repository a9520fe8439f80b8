package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	watchPause    = 100 * time.Millisecond // before a stream that broke is begun anew; doubled up to
	watchPauseMax = 5 * time.Second
	// watchSilence is for how long a stream may say nothing: the server says that
	// it lives every ten seconds.
	watchSilence = 35 * time.Second
)

// Watch follows what happens to an account after a revision (0: from now on),
// by Server-Sent Events (WHATWG HTML, section 9.2). A stream that breaks is
// begun anew where it was, at whichever API process answers: no event is lost
// and none comes twice. It ends with ctx, without an error then, or with the
// Problem of a server that refuses: "revision-compacted" says that events since
// then are not kept any more, or that the store was restored from a backup, and
// that the lists must be read anew.
func (c *Client) Watch(ctx context.Context, acct string, since int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		w := watch{client: c, path: account(acct, "events"), seen: since}
		pause := watchPause
		for {
			before := w.seen
			more, err := w.stream(ctx, func(e Event) bool { return yield(e, nil) })
			var p *Problem
			switch {
			case !more || ctx.Err() != nil:
				return
			case errors.As(err, &p) && p.Status < http.StatusInternalServerError && p.Status != http.StatusTooManyRequests:
				yield(Event{}, err)
				return
			}
			if w.seen != before {
				pause = watchPause
			}
			if p != nil {
				pause = max(pause, p.RetryAfter)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, watchPauseMax)
		}
	}
}

// watch is where a stream is.
type watch struct {
	client *Client
	path   string
	seen   int64  // revision up to which all is known, 0 = none yet
	mark   string // of that revision, as the server has it
}

// stream follows one stream until it ends. more is false if the caller has
// enough.
func (w *watch) stream(ctx context.Context, yield func(Event) bool) (more bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cl := newCall(nil)
	if w.seen > 0 {
		cl.header.Set("Last-Event-ID", strconv.FormatInt(w.seen, 10))
	}
	if w.mark != "" {
		cl.query.Set("mark", w.mark)
	}
	req, err := w.client.request(ctx, http.MethodGet, w.path, nil, cl)
	if err != nil {
		return true, &TransportError{"GET " + w.path, err}
	}
	req.Header.Set("Accept", "text/event-stream, application/problem+json")
	silence := time.AfterFunc(watchSilence, cancel)
	defer silence.Stop()
	resp, err := w.client.http.Do(req)
	if err != nil {
		return true, &TransportError{req.Method + " " + w.path, err}
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // what there is of it
		return true, problemOf(resp, answer)
	}
	in := bufio.NewReader(resp.Body)
	for {
		m, err := readMessage(in)
		if err != nil {
			return true, &TransportError{"GET " + w.path, err}
		}
		silence.Reset(watchSilence)
		if more, err := w.take(m, yield); !more || err != nil {
			return more, err
		}
	}
}

// take handles one message.
func (w *watch) take(m message, yield func(Event) bool) (more bool, err error) {
	if m.data == "" { // a comment
		return true, nil
	}
	id, err := strconv.ParseInt(m.id, 10, 64)
	if err != nil {
		return true, &TransportError{"GET " + w.path, fmt.Errorf("event id: %w", err)}
	}
	if m.kind == "change" {
		var e Event
		if err := json.Unmarshal([]byte(m.data), &e); err != nil {
			return true, &TransportError{"GET " + w.path, fmt.Errorf("event %s: %w", m.id, err)}
		}
		if !yield(e) {
			return false, nil
		}
	}
	var at struct {
		Mark string `json:"mark"`
	}
	_ = json.Unmarshal([]byte(m.data), &at) // or there is none
	w.seen, w.mark = id, at.Mark
	return true, nil
}

// message is one of a stream.
type message struct{ kind, id, data string }

// readMessage reads up to the empty line at a message's end.
func readMessage(in *bufio.Reader) (m message, err error) {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return m, err
		}
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n" || line == "\r\n":
			return m, nil
		case name == "event":
			m.kind = value
		case name == "id":
			m.id = value
		case name == "data":
			m.data += value
		}
	}
}
