package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/store"
)

// etcdFlags say how to reach the store.
type etcdFlags struct {
	Etcd []string `required:"" placeholder:"ENDPOINT" help:"etcd endpoints, such as https://10.0.0.1:2379. Repeatable, or separated by commas."`
	etcdAccess
}

// etcdAccess says how etcd and its client know each other.
type etcdAccess struct {
	EtcdCA   string `name:"etcd-ca" type:"existingfile" placeholder:"FILE" complete:"file" help:"CA of etcd's certificates, PEM."`
	EtcdCert string `type:"existingfile" and:"etcdtls" placeholder:"FILE" complete:"file" help:"Client certificate for etcd, PEM."`
	EtcdKey  string `type:"existingfile" and:"etcdtls" placeholder:"FILE" complete:"file" help:"Its key, PEM."`
}

// config is the store's configuration.
func (f *etcdFlags) config(log *slog.Logger, certs *certfile.Set) (store.Config, error) {
	return f.etcdAccess.config(f.Etcd, log, certs)
}

func (f *etcdAccess) config(endpoints []string, log *slog.Logger, certs *certfile.Set) (store.Config, error) {
	cfg := store.Config{Endpoints: endpoints, Logger: log}
	for _, e := range endpoints {
		scheme, rest, hasScheme := strings.Cut(e, "://")
		if e == "" || hasScheme && (rest == "" || !slices.Contains([]string{"http", "https", "unix", "unixs"}, scheme)) {
			return cfg, failure.Usage(fmt.Sprintf("--etcd %q: want https://host:port, http://host:port, host:port or unix:///path", e))
		}
	}
	if f.EtcdCA == "" && f.EtcdCert == "" {
		return cfg, nil // an https endpoint is then checked against the system's CAs
	}
	cfg.TLS = certfile.SecureTLS()
	if f.EtcdCA != "" {
		ca, err := certs.Authorities("etcd-ca", f.EtcdCA)
		if err != nil {
			return cfg, fmt.Errorf("--etcd-ca: %w", err)
		}
		cfg.Roots = ca.Pool
	}
	if f.EtcdCert != "" {
		cert, err := certs.Open("etcd-client", f.EtcdCert, f.EtcdKey)
		if err != nil {
			return cfg, fmt.Errorf("--etcd-cert, --etcd-key: %w", err)
		}
		cfg.TLS.GetClientCertificate = cert.GetClientCertificate
	}
	return cfg, nil
}
