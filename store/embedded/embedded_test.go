package embedded_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/internal/turn"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/store/embedded"
)

func TestMain(m *testing.M) {
	turn.Take()
	goleak.VerifyTestMain(m)
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func update(t *testing.T, s *store.Store, changes ...secgroup.Change) int64 {
	t.Helper()
	rev, err := s.Update(within(t), func(*secgroup.Snapshot) ([]secgroup.Change, error) { return changes, nil })
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// TestKeepsItsData over restarts, in a directory whose path is too
// long for a socket, and lets nobody else in.
func TestKeepsItsData(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	var revs []int64
	for range 3 {
		server, err := embedded.Start(within(t), dir, embedded.Options{Tick: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		cfg := server.Config()
		cfg.Logger = slog.New(slog.DiscardHandler)
		s, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if len(revs) > 0 {
			if got := update(t, s); got != revs[len(revs)-1] {
				t.Errorf("after a restart the policy is at revision %d, want %d", got, revs)
			}
		}
		revs = append(revs, update(t, s, secgroup.Put(&secgroup.Account{ID: "a"})))
		socket := strings.TrimPrefix(server.Endpoints()[0], "unix://")
		info, err := os.Stat(filepath.Dir(socket))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s of the socket is open to others: %v", filepath.Dir(socket), info.Mode())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		slowness.Within(t, 2*time.Second, "Close", server.Close)
		if _, err := os.Stat(socket); !os.IsNotExist(err) {
			t.Errorf("the socket is left: %v", err)
		}
	}
}

// TestRefusesATakenDirectory does not wait for another server's lock
// for ever.
func TestRefusesATakenDirectory(t *testing.T) {
	dir := t.TempDir()
	first, err := embedded.Start(within(t), dir, embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if second, err := embedded.Start(ctx, dir, embedded.Options{NoSync: true}); err == nil {
		second.Close()
		t.Error("a second server started on the data of the first")
	}
}
