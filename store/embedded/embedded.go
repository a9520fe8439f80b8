package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/store/internal/link"
)

// Options tune an etcd. The zero value is for real use.
type Options struct {
	// Logger gets etcd's errors as warnings and etcd's warnings for debugging;
	// slog.Default if nil.
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
	maxTxnOps       = 20_000
	maxRequestBytes = 16 << 20
	quotaBytes      = 8 << 30
	keepHistory     = "1h" // time-based compaction keeps this much
)

// Server is an etcd inside this process, of one member.
type Server struct {
	etcd    *embed.Etcd
	lock    *os.File
	sockets string // directory to remove at Close, "" = none
	socket  string
	closing atomic.Bool
}

// Start starts an etcd that keeps its data in dir/data, over restarts too,
// and serves it at a unix socket that only this user may open. It returns when
// etcd is ready. Close the stores that use it before the Server: etcd waits
// for its clients.
func Start(ctx context.Context, dir string, opts Options) (*Server, error) {
	s, err := start(ctx, dir, opts)
	if err != nil {
		return nil, &link.OpError{Op: "start embedded etcd", Err: err}
	}
	return s, nil
}

func start(ctx context.Context, dir string, opts Options) (*Server, error) {
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
	if s.lock, err = lock(filepath.Join(dir, "lock")); err != nil {
		return nil, err
	}
	sockets := dir
	if len(dir) > maxSocketDir {
		if sockets, err = os.MkdirTemp("", "ringfence-etcd-"); err != nil {
			s.cleanUp()
			return nil, err
		}
		s.sockets = sockets
	}
	s.socket = filepath.Join(sockets, "client.sock")
	if s.etcd, err = embed.StartEtcd(opts.config(data, sockets, s.socket, zapToSlog{opts.Logger, &s.closing})); err != nil {
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

// config is etcd's configuration, for one member that only this user reaches.
func (opts Options) config(data, sockets, client string, logs zapToSlog) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Dir = data
	cfg.ListenClientUrls = []url.URL{{Scheme: "unix", Path: client}}
	cfg.AdvertiseClientUrls = cfg.ListenClientUrls
	// For peers etcd takes the path of a socket from the host. They can be no
	// TCP port: whoever reaches it may change the data.
	cfg.ListenPeerUrls = []url.URL{{Scheme: "unix", Host: filepath.Join(sockets, "peer.sock")}}
	// Kept in the data, hence the same at each start. Nobody dials it: there
	// is no other member.
	cfg.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:2380"}}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.TickMs = uint(opts.Tick.Milliseconds())
	cfg.ElectionMs = 10 * cfg.TickMs
	cfg.UnsafeNoFsync = opts.NoSync
	cfg.MaxTxnOps = maxTxnOps
	cfg.MaxRequestBytes = maxRequestBytes
	cfg.QuotaBackendBytes = quotaBytes
	cfg.AutoCompactionMode = embed.CompactorModePeriodic
	cfg.AutoCompactionRetention = keepHistory
	cfg.EnableGRPCGateway = false
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.New(logs))
	return cfg
}

// lock takes the file for this process. etcd has a lock of its own, but waits
// for it as long as another server holds it.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is held by another server: %w", path, err)
	}
	return f, nil
}

// maxSocketDir leaves room for a file name in the 107 bytes that the path of a
// unix socket may have, unix(7).
const maxSocketDir = 90

// Endpoints is what store.Config.Endpoints takes.
func (s *Server) Endpoints() []string { return []string{"unix://" + s.socket} }

// Config is a store.Config that reaches the server, with its limits.
func (s *Server) Config() link.Config {
	return link.Config{Endpoints: s.Endpoints(), MaxTxnOps: maxTxnOps, MaxRequestBytes: maxRequestBytes}
}

// Close stops the server.
func (s *Server) Close() {
	s.closing.Store(true)
	s.etcd.Close()
	s.cleanUp()
}

func (s *Server) cleanUp() {
	s.lock.Close()
	if s.sockets != "" {
		_ = os.RemoveAll(s.sockets) // empty by now but for dead sockets
	}
}
