// Package etcdtest gives tests an etcd in a process of its own, Debian's
// etcd-server. The race detector watches the test's program: an etcd embedded
// there is several times as slow, and nothing of ours is in it. One such process
// serves all tests of a program, each with keys of its own.
package etcdtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/store"
)

// The limits are those of the store that `ringfence dev` embeds.
const (
	maxTxnOps       = 20_000
	maxRequestBytes = 16 << 20
)

// patience is how long an etcd may take to answer, on a machine that is very busy.
const patience = 2 * time.Minute

// Server is a running etcd.
type Server struct {
	dir      string
	endpoint string
	process  *stack.Process
}

// Start starts an etcd for one test, which ends it or has it end with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := start(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func start(ctx context.Context) (*Server, error) {
	dir, err := os.MkdirTemp("", "etcdtest")
	if err != nil {
		return nil, err
	}
	addrs := stack.LoopbackAddresses(2)
	s := &Server{dir: dir, endpoint: addrs[0]}
	client, peer := "http://"+addrs[0], "http://"+addrs[1]
	s.process, err = stack.StartProcess("etcd", filepath.Join(dir, "log"), stack.EtcdServer,
		"--data-dir="+filepath.Join(dir, "data"), "--log-level=warn", "--unsafe-no-fsync",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer,
		"--heartbeat-interval=20", "--election-timeout=200",
		fmt.Sprintf("--max-txn-ops=%d", maxTxnOps), fmt.Sprintf("--max-request-bytes=%d", maxRequestBytes), "--quota-backend-bytes=8589934592")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w (install etcd-server)", err), os.RemoveAll(dir))
	}
	if err := s.answers(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, s.process.Log()), s.Stop())
	}
	return s, nil
}

// answers waits until etcd does.
func (s *Server) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cfg := s.Config()
	cfg.Logger, cfg.Prefix = slog.New(slog.DiscardHandler), "/etcdtest/"
	c, err := store.Open(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(c.Sync(ctx), c.Close())
}

// Stop ends it, if it runs, without warning: it has nothing to lose.
func (s *Server) Stop() error {
	return errors.Join(s.process.Kill(), os.RemoveAll(s.dir))
}

// Config reaches it, with its limits, and with patience: a test that is about an
// etcd that is lost sets shorter times.
func (s *Server) Config() store.Config {
	return store.Config{
		Endpoints: []string{s.endpoint}, MaxTxnOps: maxTxnOps, MaxRequestBytes: maxRequestBytes,
		RequestTimeout: patience, ProbeTimeout: patience,
	}
}

// shared is the etcd of this program, which the first test that asks starts.
var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Config reaches, below a prefix that nobody else has, the etcd that the tests of
// this program share. Its TestMain runs them by Shared. A test that stops, fills
// or compacts its etcd starts one of its own.
func Config(tb testing.TB) store.Config {
	tb.Helper()
	shared.once.Do(func() { shared.server, shared.err = start(context.Background()) })
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	cfg := shared.server.Config()
	cfg.Prefix = "/" + rand.Text() + "/"
	return cfg
}

// Shared runs tests, and then ends the etcd that they have shared.
type Shared struct {
	Tests interface{ Run() int }
}

// Run returns the exit status of the program.
func (s Shared) Run() int {
	status := s.Tests.Run()
	if shared.server == nil {
		return status
	}
	if err := shared.server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "etcdtest:", err)
		return max(status, 1)
	}
	return status
}
