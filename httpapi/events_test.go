package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// message is one of Server-Sent Events.
type message struct{ kind, id, data string }

// listen opens a stream and returns its messages, until the context ends.
func (s *server) listen(ctx context.Context, path string, headers ...string) <-chan message {
	s.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+admin)
	req.Header.Set("Accept", "text/event-stream")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	out := make(chan message, 1000)
	go func() {
		defer close(out)
		defer res.Body.Close()
		var m message
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			switch name, value, _ := strings.Cut(lines.Text(), ": "); name {
			case "event":
				m.kind = value
			case "id":
				m.id = value
			case "data":
				m.data = value
			case "":
				if m.data != "" {
					out <- m
				}
				m = message{}
			}
		}
	}()
	return out
}

// next returns the next message.
func next(t *testing.T, from <-chan message) message {
	t.Helper()
	select {
	case m, ok := <-from:
		if !ok {
			t.Fatal("the stream has ended")
		}
		return m
	case <-time.After(2 * time.Minute):
		t.Fatal("no message comes")
	}
	return message{}
}

// A stream tells of the account's changes alone, from where it begins.
func TestEventStream(t *testing.T) {
	t.Parallel()
	s := world(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	from := s.listen(ctx, acme+"/events")
	begin := next(t, from)
	if begin.kind != "revision" || begin.id != fmt.Sprint(s.api.newestRevision(t)) || !strings.HasPrefix(begin.data, fmt.Sprintf(`{"revision":%s,"mark":"`, begin.id)) {
		t.Errorf("begins with %+v", begin)
	}
	s.must("PUT", "/v1/accounts/bolt", `{}`)
	s.must("PUT", "/v1/networks/net3", `{"type":"flat","prefixes":["172.16.0.0/16"]}`)
	made := s.must("PUT", web, `{"name":"web","default_rules":false}`)
	m := next(t, from)
	var e eventJSON
	if err := json.Unmarshal([]byte(m.data), &e); err != nil {
		t.Fatal(err)
	}
	if m.kind != "change" || m.id != made.header.Get("SG-Revision") || fmt.Sprint(e.Revision) != m.id || len(e.Changes) != 1 ||
		e.Changes[0].Kind != "security-group" || e.Changes[0].ID != "web" || e.Changes[0].Action != "created" {
		t.Errorf("%+v", m)
	}
	if err := describe(t).check(map[string]any{"$ref": "#/components/schemas/Event"}, []byte(m.data)); err != nil {
		t.Error(err)
	}
	s.must("DELETE", "/v1/nics/n3", "")
	if m := next(t, from); !strings.Contains(m.data, `"kind":"nic"`) || !strings.Contains(m.data, `"action":"deleted"`) {
		t.Errorf("%+v", m)
	}
	// One that goes on from the first id hears the same again.
	again := s.listen(ctx, acme+"/events?since=1", "Last-Event-ID: "+begin.id)
	next(t, again)
	if got := next(t, again); got != m {
		t.Errorf("%+v, first %+v", got, m)
	}
}

// A poll gives what there was, or waits for what comes.
func TestEventPoll(t *testing.T) {
	t.Parallel()
	s := world(t)
	start := s.must("GET", acme+"/events", "")
	since := start.text("revision")
	start.want(t, map[string]string{"items": "[]"})
	s.must("GET", acme+"/events?wait=20ms&since="+since, "").want(t, map[string]string{"items": "[]", "revision": since})
	go func() {
		time.Sleep(50 * time.Millisecond) // the poll waits by then; that it does nothing tells
		s.do("PUT", web, `{"name":"web","default_rules":false}`)
	}()
	a := s.must("GET", acme+"/events?wait=60s&since="+since, "")
	a.want(t, map[string]string{"items.0.changes.0.id": "web", "items.0.revision": a.text("revision")})
	s.must("PUT", web, `{"name":"webs","default_rules":false}`)
	all := s.must("GET", acme+"/events?since="+since, "")
	all.want(t, map[string]string{"items.1.changes.0.patch": `[{"op":"replace","path":"/name","value":"webs"}]`})
	if n := len(all.at("items").([]any)); n != 2 {
		t.Errorf("%d events: %s", n, all.raw)
	}
	for query, want := range map[string]int{"since=x": 400, "since=0": 400, "since=999999": 410, "mark=x": 400, "since=1&mark=x": 410, "since=5&wait=x": 400} {
		if a := s.do("GET", acme+"/events?"+query, ""); a.status != want {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	if a := s.do("GET", acme+"/events?since=1", "", "Authorization: Bearer "+memberBolt); a.status != 404 {
		t.Errorf("another account's events: %d", a.status)
	}
}

// Writers go on while a reader goes from one API process to the next, each of
// which ends: it sees every change once, in order.
func TestEventsOverRestarts(t *testing.T) {
	t.Parallel()
	s := world(t)
	s.must("PUT", web, `{"name":"web","default_rules":false}`)
	const changes = 60
	seen := s.must("GET", acme+"/events", "").text("revision")
	wrote := make(chan []string, 1)
	go func() {
		var revs []string
		for i := range changes {
			revs = append(revs, s.do("PATCH", web, fmt.Sprintf(`{"description":"%d"}`, i)).header.Get("SG-Revision"))
		}
		wrote <- revs
	}()
	var got []string
	for run := 0; len(got) < changes; run++ {
		other := serveStore(t, s.store, filepath.Join(t.TempDir(), "tokens"))
		ctx, cancel := context.WithCancel(t.Context())
		from := other.listen(ctx, acme+"/events", "Last-Event-ID: "+seen)
		for n := 0; n < 7 && len(got) < changes; n++ {
			if m := next(t, from); m.kind == "change" {
				got, seen = append(got, m.id), m.id
			}
		}
		if run%2 == 0 {
			other.api.Close() // which ends the stream
			for range from {
			}
		}
		cancel()
	}
	if want := <-wrote; !slices.Equal(got, want) {
		t.Errorf("heard of %v\nwrote   %v", got, want)
	}
}
