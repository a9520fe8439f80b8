package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"

	"github.com/ringfence/ringfence/store"
)

// etcdFlags say how to reach the store.
type etcdFlags struct {
	Etcd     []string `required:"" placeholder:"ENDPOINT" help:"etcd endpoints, such as https://10.0.0.1:2379. Repeatable, or separated by commas."`
	EtcdCA   string   `name:"etcd-ca" type:"existingfile" placeholder:"FILE" complete:"file" help:"CA of etcd's certificates, PEM."`
	EtcdCert string   `type:"existingfile" and:"etcdtls" placeholder:"FILE" complete:"file" help:"Client certificate for etcd, PEM."`
	EtcdKey  string   `type:"existingfile" and:"etcdtls" placeholder:"FILE" complete:"file" help:"Its key, PEM."`
}

// config is the store's configuration.
func (f *etcdFlags) config(log *slog.Logger) (store.Config, error) {
	cfg := store.Config{Endpoints: f.Etcd, Logger: log}
	if f.EtcdCA == "" && f.EtcdCert == "" {
		return cfg, nil // an https endpoint is then checked against the system's CAs
	}
	cfg.TLS = secureTLS()
	if f.EtcdCA != "" {
		pem, err := os.ReadFile(f.EtcdCA)
		if err != nil {
			return cfg, fmt.Errorf("--etcd-ca: %w", err)
		}
		cfg.TLS.RootCAs = x509.NewCertPool()
		if !cfg.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return cfg, fmt.Errorf("--etcd-ca: %s holds no PEM certificate", f.EtcdCA)
		}
	}
	if f.EtcdCert != "" {
		cert, err := tls.LoadX509KeyPair(f.EtcdCert, f.EtcdKey)
		if err != nil {
			return cfg, fmt.Errorf("--etcd-cert, --etcd-key: %w", err)
		}
		cfg.TLS.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}
