package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ringfence/ringfence/httpapi"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/internal/etcdtest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// storeKey is under which a script finds its store.
type storeKey struct{}

// TestAPIScripts runs the command lines in testdata/api, each against an API
// of its own.
func TestAPIScripts(t *testing.T) {
	p := scripts("testdata/api")
	p.Setup = func(env *testscript.Env) error {
		s, url := startAPI(env)
		env.Values[storeKey{}] = s
		env.Setenv("HOME", env.WorkDir)
		env.Setenv("RINGFENCE_STATE_DIR", env.WorkDir+"/.state")
		env.Setenv("RINGFENCE_SERVER", url)
		env.Setenv("RINGFENCE_TOKEN", "platform-token")
		env.Setenv("RINGFENCE_ACCOUNT", "acme")
		return useQuickCommands(env)
	}
	p.Cmds["host"] = cmdHost
	p.Cmds["slowhost"] = cmdSlowHost
	testscript.Run(t, p)
}

// startAPI starts an API that ends with the script.
func startAPI(env *testscript.Env) (*store.Store, string) {
	t := env.T().(testing.TB)
	cfg := etcdtest.Config(t)
	cfg.Logger = slog.New(slog.DiscardHandler)
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	env.Defer(func() { s.Close() })
	s.Join(store.ClusterMember{ID: "api"})
	tokens := filepath.Join(env.WorkDir, ".tokens.json")
	if err := os.WriteFile(tokens, testTokens(t), 0o600); err != nil {
		t.Fatal(err)
	}
	api, err := openAPI(httpapi.Config{Store: s, Logger: slog.New(slog.DiscardHandler), Registry: newRegistry(), Version: "test"}, tokens, nil)
	if err != nil {
		t.Fatal(err)
	}
	env.Defer(api.Close)
	srv := httptest.NewServer(api)
	env.Defer(srv.Close)
	return s, srv.URL
}

// testTokens is a tokens file.
func testTokens(tb testing.TB) []byte {
	var entries []tokens.Entry
	for _, e := range []struct {
		token, account string
		role           tokens.Role
	}{
		{"platform-token", "*", "admin"}, {"acme-token", "acme", "member"}, {"viewer-token", "acme", "viewer"}, {"other-token", "other", "member"},
	} {
		entries = append(entries, tokens.Entry{SHA256: tokens.HashOf(e.token), Account: e.account, Role: e.role, Name: e.token})
	}
	b, err := json.Marshal(entries)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// cmdHost makes a host that applies every revision at once: host NAME NIC…
func cmdHost(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(storeKey{}).(*store.Store)
	ctx, cancel := context.WithCancel(context.Background())
	h := &quickHost{store: s, name: args[0], nics: args[1:], first: make(chan struct{})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Follow(ctx, h) }() // ends with ctx
	ts.Defer(func() { cancel(); <-done })
	select {
	case <-h.first:
	case <-time.After(time.Minute):
		ts.Fatalf("host %s did not report", args[0])
	}
}

// cmdSlowHost makes a host that never applies anything: slowhost NAME NIC…
func cmdSlowHost(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(storeKey{}).(*store.Store)
	ts.Check(s.PutHost(context.Background(), status0(args[0], args[1:], 0)))
}

func status0(name string, nics []string, rev int64) store.HostStatus {
	h := store.HostStatus{Host: name, Applied: rev, Heartbeat: time.Now(), Connected: true, Version: "test"}
	for i, id := range nics {
		h.NICs = append(h.NICs, store.HostNIC{ID: id, OFPort: uint32(i + 1), Ready: rev > 0, Applied: rev})
	}
	return h
}

// quickHost reports every revision as applied.
type quickHost struct {
	store *store.Store
	name  string
	nics  []string
	first chan struct{}
	seen  bool
}

func (h *quickHost) State() *secgroup.Snapshot { return nil }

func (h *quickHost) Handle(ctx context.Context, b store.Batch) error {
	if err := h.store.PutHost(ctx, status0(h.name, h.nics, max(b.Revision, 1))); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if !h.seen {
		h.seen = true
		close(h.first)
	}
	return nil
}
