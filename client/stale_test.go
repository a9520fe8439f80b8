package client_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
)

// A read that takes what is outdated asks for it, and is told how old it is.
func TestAllowStale(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("stale") != "allow" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, `{"items":[],"next_cursor":null,"revision":7,"stale":true,"stale_seconds":1.5}`)
	}))
	defer server.Close()
	c, err := client.New(server.URL, "token")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var meta client.Meta
	if _, err := client.Collect(c.Hosts(t.Context(), client.AllowStale(), client.Into(&meta))); err != nil || !meta.Stale || meta.Age != 1500*time.Millisecond {
		t.Errorf("stale %t, age %v, %v", meta.Stale, meta.Age, err)
	}
	if _, err := client.Collect(c.Hosts(t.Context())); err == nil {
		t.Error("what is outdated is given to who did not ask for it")
	}
}
