package link

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// Config says how to reach etcd. Only Endpoints is needed.
type Config struct {
	// Endpoints of the etcd cluster: "host:port", "http://…", "https://…" or
	// "unix:///path".
	Endpoints []string
	// TLS is used with https endpoints; nil is no TLS.
	TLS *tls.Config
	// Roots are the authorities that etcd's certificates are of, asked for at each
	// handshake; nil: those of TLS.
	Roots func() *x509.CertPool
	// Prefix of all keys, "/ringfence/v1/" if empty.
	Prefix string
	// Logger gets what went wrong and was tried again; slog.Default if nil.
	Logger *slog.Logger
	// RequestTimeout bounds one request to etcd (default 5 s), and so how long
	// a write waits to learn what became of it after the store was lost.
	RequestTimeout time.Duration
	// ProbeInterval is how often a follower asks etcd whether it is up to date
	// (default 5 s). A silent loss is noticed after ProbeInterval + ProbeTimeout.
	ProbeInterval time.Duration
	// ProbeTimeout is how long etcd may take to answer (default 3 s).
	ProbeTimeout time.Duration
	// MaxTxnOps is the cluster's --max-txn-ops, 128 if 0 as in etcd.
	MaxTxnOps int
	// MaxRequestBytes is the cluster's --max-request-bytes, 1.5 MiB if 0 as in etcd.
	MaxRequestBytes int

	// MemberTTL is how long a process may be silent before it is no member any
	// more (default 15 s).
	MemberTTL time.Duration
}

// withDefaults is c with its defaults filled in, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	if len(c.Endpoints) == 0 {
		return c, errors.New("endpoints: none given")
	}
	if c.Prefix == "" {
		c.Prefix = "/ringfence/v1/"
	}
	if !strings.HasSuffix(c.Prefix, "/") {
		return c, fmt.Errorf("prefix: %q does not end in /", c.Prefix)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{{&c.RequestTimeout, 5 * time.Second}, {&c.MemberTTL, 15 * time.Second}, {&c.ProbeInterval, 5 * time.Second}, {&c.ProbeTimeout, 3 * time.Second}} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if c.MaxTxnOps <= 0 {
		c.MaxTxnOps = 128
	}
	if c.MaxRequestBytes <= 0 {
		c.MaxRequestBytes = 3 << 19
	}
	return c, nil
}

// dial makes a client of one member, which connects in the background. gRPC
// would wait up to two minutes between attempts to reach an etcd that was away
// for long.
func (c Config) dial(endpoint string, more ...grpc.DialOption) (*clientv3.Client, error) {
	if c.TLS != nil && c.Roots != nil {
		more = append(more, grpc.WithTransportCredentials(newRenewed(c.TLS, c.Roots)))
	}
	return clientv3.New(clientv3.Config{
		Endpoints:            []string{endpoint},
		TLS:                  c.TLS,
		Logger:               zap.NewNop(),
		DialTimeout:          c.RequestTimeout,
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: c.ProbeTimeout,
		// A little more than etcd takes, so that etcd is the one to refuse.
		MaxCallSendMsgSize: c.MaxRequestBytes + 1<<20,
		DialOptions: append([]grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: c.ProbeTimeout,
		})}, more...),
	})
}
