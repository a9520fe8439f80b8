package store

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/slowness"
)

// TestEmbeddedKeepsItsData over restarts, in a directory whose path is too
// long for a socket, and lets nobody else in.
func TestEmbeddedKeepsItsData(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	var revs []int64
	for range 3 {
		server, err := Embedded(within(t, 20*time.Second), dir, EmbeddedOptions{Tick: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), testConfig(server.Config()))
		if err != nil {
			t.Fatal(err)
		}
		if len(revs) > 0 {
			if got := mustUpdate(t, s, put()); got != revs[len(revs)-1] {
				t.Errorf("after a restart the policy is at revision %d, want %d", got, revs)
			}
		}
		revs = append(revs, mustUpdate(t, s, put(account("a"))))
		info, err := os.Stat(filepath.Dir(server.socket))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s of the socket is open to others: %v", filepath.Dir(server.socket), info.Mode())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		slowness.Within(t, 2*time.Second, "Close", server.Close)
		if _, err := os.Stat(server.socket); !os.IsNotExist(err) {
			t.Errorf("the socket is left: %v", err)
		}
	}
}

// TestEmbeddedRefusesATakenDirectory does not wait for another server's lock
// for ever.
func TestEmbeddedRefusesATakenDirectory(t *testing.T) {
	dir := socketDir(t)
	first, err := Embedded(within(t, 20*time.Second), dir, EmbeddedOptions{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if second, err := Embedded(ctx, dir, EmbeddedOptions{NoSync: true}); err == nil {
		second.Close()
		t.Error("a second server started on the data of the first")
	}
}
