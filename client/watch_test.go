package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/ringfence/ringfence/client"
)

// A watch goes on over streams that break wherever they do, and over servers
// that are away: it hears of every event once, in order.
func TestWatchGoesOn(t *testing.T) {
	const last = 40
	var streams atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := streams.Add(1)
		if n%3 == 0 {
			w.Header().Set("Retry-After", "0")
			http.Error(w, `{"status":503,"code":"store-unavailable"}`, http.StatusServiceUnavailable)
			return
		}
		since := int64(10)
		if id := r.Header.Get("Last-Event-ID"); id != "" {
			since, _ = strconv.ParseInt(id, 10, 64)
		} else if n > 1 {
			t.Error("begins anew from nothing")
		}
		if r.Header.Get("Accept") != "text/event-stream, application/problem+json" || r.URL.Path != "/v1/accounts/acme/events" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		fmt.Fprintf(w, "event: revision\nid: %d\ndata: {\"revision\":%d}\n\n:\n\n", since, since)
		for i := since + 1; i <= min(since+5, last); i++ {
			if i%4 == 0 { // another account's
				continue
			}
			fmt.Fprintf(w, "event: change\nid: %d\ndata: {\"revision\":%d,\"changes\":[{\"kind\":\"nic\",\"id\":\"n\"}]}\n\n", i, i)
		}
		fmt.Fprint(w, "event: change\nid: 9999\ndata: {\"rev") // broken off
	}))
	defer server.Close()
	c, err := client.New(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got, want []int64
	for i := int64(11); i < last; i++ {
		if i%4 != 0 {
			want = append(want, i)
		}
	}
	for e, err := range c.Watch(context.Background(), "acme", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Changes[0].Kind != "nic" {
			t.Errorf("%+v", e)
		}
		if got = append(got, e.Revision); e.Revision == last-1 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("heard of %v\nwant     %v", got, want)
	}
}

// A server that refuses ends it; so does the context, silently.
func TestWatchEnds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Last-Event-ID") == "5" {
			w.WriteHeader(http.StatusGone)
			fmt.Fprint(w, `{"status":410,"code":"revision-compacted"}`)
			return
		}
		fmt.Fprint(w, "event: change\nid: 8\ndata: {\"revision\":8,\"changes\":[]}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	c, err := client.New(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	errs := 0
	for _, err := range c.Watch(context.Background(), "acme", 5) {
		if errs++; !client.HasCode(err, "revision-compacted") {
			t.Errorf("%v", err)
		}
	}
	if errs != 1 {
		t.Errorf("%d errors", errs)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for e, err := range c.Watch(ctx, "acme", 7) {
		if err != nil || e.Revision != 8 {
			t.Errorf("%+v %v", e, err)
		}
		cancel()
	}
}
