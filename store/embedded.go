package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// EmbeddedOptions tune an embedded etcd. The zero value is for real use.
type EmbeddedOptions struct {
	// Logger gets etcd's warnings and errors; slog.Default if nil.
	Logger *slog.Logger
	// Tick is etcd's heartbeat interval, 10 ms if 0. etcd serves some ticks
	// after its start.
	Tick time.Duration
	// NoSync leaves out the fsync of each write. For tests: a power failure
	// may lose or corrupt the store.
	NoSync bool
}

// The limits of an embedded etcd, wider than etcd's own.
const (
	embeddedMaxTxnOps       = 20_000
	embeddedMaxRequestBytes = 16 << 20
	embeddedQuotaBytes      = 8 << 30
	embeddedKeepHistory     = "1h" // time-based compaction keeps this much
)

// Server is an etcd inside this process, of one member.
type Server struct {
	etcd    *embed.Etcd
	sockets string // directory to remove at Close, "" = none
	socket  string
}

// Embedded starts an etcd that keeps its data in dir/data, over restarts too,
// and serves it at a unix socket that only this user may open. It returns when
// etcd is ready. Close the stores that use it before the Server: etcd waits
// for its clients.
func Embedded(ctx context.Context, dir string, opts EmbeddedOptions) (*Server, error) {
	s, err := startEmbedded(ctx, dir, opts)
	if err != nil {
		return nil, &OpError{Op: "start embedded etcd", Err: err}
	}
	return s, nil
}

func startEmbedded(ctx context.Context, dir string, opts EmbeddedOptions) (*Server, error) {
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Tick <= 0 {
		opts.Tick = 10 * time.Millisecond
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	s := &Server{}
	sockets := dir
	if len(dir) > maxSocketDir {
		if sockets, err = os.MkdirTemp("", "ringfence-etcd-"); err != nil {
			return nil, err
		}
		s.sockets = sockets
	}
	s.socket = filepath.Join(sockets, "client.sock")
	cfg := embed.NewConfig()
	cfg.Dir = data
	cfg.ListenClientUrls = []url.URL{{Scheme: "unix", Path: s.socket}}
	cfg.AdvertiseClientUrls = cfg.ListenClientUrls
	cfg.ListenPeerUrls = []url.URL{{Scheme: "unix", Path: filepath.Join(sockets, "peer.sock")}}
	// Kept in the data, hence the same at each start. Nobody dials it: there
	// is no other member.
	cfg.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:2380"}}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.TickMs = uint(opts.Tick.Milliseconds())
	cfg.ElectionMs = 10 * cfg.TickMs
	cfg.UnsafeNoFsync = opts.NoSync
	cfg.MaxTxnOps = embeddedMaxTxnOps
	cfg.MaxRequestBytes = embeddedMaxRequestBytes
	cfg.QuotaBackendBytes = embeddedQuotaBytes
	cfg.AutoCompactionMode = embed.CompactorModePeriodic
	cfg.AutoCompactionRetention = embeddedKeepHistory
	cfg.EnableGRPCGateway = false
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.New(zapToSlog{opts.Logger}))
	if s.etcd, err = embed.StartEtcd(cfg); err != nil {
		s.cleanUp()
		return nil, err
	}
	select {
	case <-s.etcd.Server.ReadyNotify():
		return s, nil
	case err = <-s.etcd.Err():
	case <-s.etcd.Server.StopNotify():
		err = errors.New("it stopped")
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.Close()
	return nil, fmt.Errorf("not ready: %w", err)
}

// maxSocketDir leaves room for a file name in the 107 bytes that the path of a
// unix socket may have, unix(7).
const maxSocketDir = 90

// Endpoints is what Config.Endpoints takes.
func (s *Server) Endpoints() []string { return []string{"unix://" + s.socket} }

// Config reaches the server, with its limits.
func (s *Server) Config() Config {
	return Config{Endpoints: s.Endpoints(), MaxTxnOps: embeddedMaxTxnOps, MaxRequestBytes: embeddedMaxRequestBytes}
}

// Close stops the server.
func (s *Server) Close() {
	s.etcd.Close()
	s.cleanUp()
}

func (s *Server) cleanUp() {
	if s.sockets != "" {
		_ = os.RemoveAll(s.sockets) // empty by now but for dead sockets
	}
}
