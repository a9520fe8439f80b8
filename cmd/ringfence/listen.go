package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/httpapi/tokens"
)

// listenFlags say where an API listens.
type listenFlags struct {
	Listen         string `default:"127.0.0.1:8080" placeholder:"ADDR" help:"host:port, or unix:/path for a socket that only this user may open. Default 127.0.0.1:8080."`
	TLSCert        string `name:"tls-cert" type:"existingfile" and:"tls" placeholder:"FILE" complete:"file" help:"Certificate chain, PEM."`
	TLSKey         string `name:"tls-key" type:"existingfile" and:"tls" placeholder:"FILE" complete:"file" help:"Its key, PEM."`
	InsecureListen bool   `help:"Allow an address other than loopback without TLS: tokens then cross the network in the clear."`
}

// check refuses, without TLS, any address that other machines can reach, unless
// told otherwise.
func (f *listenFlags) check() error {
	if path, ok := strings.CutPrefix(f.Listen, "unix:"); ok {
		return checkSocket("--listen", path)
	}
	if f.TLSCert == "" && !f.InsecureListen && !isLoopback(f.Listen) {
		return failure.Usage(fmt.Sprintf("--listen %s: other machines can reach this address and there is no TLS: give --tls-cert and --tls-key, "+
			"listen on 127.0.0.1, or say --insecure-listen", f.Listen))
	}
	if f.TLSCert != "" {
		if _, err := tls.LoadX509KeyPair(f.TLSCert, f.TLSKey); err != nil {
			return fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
	}
	return nil
}

// listener opens what the flags say, if check has nothing against it.
func (f *listenFlags) listener(ctx context.Context, certs *certfile.Set) (net.Listener, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(f.Listen, "unix:"); ok {
		return listenUnix(ctx, path)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", f.Listen)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if f.TLSCert == "" {
		return l, nil
	}
	cert, err := certs.Open("api", f.TLSCert, f.TLSKey)
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	cfg := certfile.SecureTLS()
	cfg.GetCertificate, cfg.NextProtos = cert.GetCertificate, []string{"h2", "http/1.1"}
	return tls.NewListener(l, cfg), nil
}

// listenUnix listens on a socket with mode 0600. One that nobody answers at,
// left behind by a process that was killed, is replaced.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	var d net.Dialer
	if c, err := d.DialContext(ctx, "unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("--listen: %s is in use", path)
	} else if info, statErr := os.Lstat(path); statErr == nil && info.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("--listen: %w", err)
		}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("--listen: %w", err)
	}
	return l, nil
}

// isLoopback reports whether only this machine can reach an address.
func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	return err == nil && tokens.Loopback(host)
}

// url is how a client names the API that listens at l.
func (f *listenFlags) url(l net.Listener) string {
	switch {
	case l.Addr().Network() == "unix":
		return "unix:" + l.Addr().String()
	case f.TLSCert != "":
		return "https://" + l.Addr().String()
	default:
		return "http://" + l.Addr().String()
	}
}

// maxSocketPath is the longest path of a unix socket: sockaddr_un holds 108
// bytes with the final zero (unix(7)).
const maxSocketPath = 107

// checkSocket refuses a socket path that the system cannot take. The system's
// own message is "invalid argument".
func checkSocket(what, path string) error {
	if len(path) > maxSocketPath {
		return failure.Usage(fmt.Sprintf("%s: the path of a unix socket has at most %d bytes, this one has %d: %s", what, maxSocketPath, len(path), path))
	}
	return nil
}

// How long a stopping server waits: for requests to end by themselves, then
// for them to notice that their context ended.
const (
	drainTime  = 5 * time.Second
	cancelTime = time.Second
)

// serve serves h at l until ctx ends, then lets open requests finish.
func serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	requests, cancelRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelRequests()
	srv := &http.Server{
		Handler:           h,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,     // a body is at most 2 MiB
		WriteTimeout:      5 * time.Minute, // a wait for hosts counts; streams extend it themselves
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	for _, grace := range []time.Duration{drainTime, cancelTime} {
		shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		err := srv.Shutdown(shutdown)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		cancelRequests()
	}
	return srv.Close()
}
