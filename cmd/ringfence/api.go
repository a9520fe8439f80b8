package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/httpapi"
	"github.com/ringfence/ringfence/store"
)

type apiCmd struct {
	etcdFlags
	listenFlags
	consoleFlags
	Tokens       string  `required:"" type:"existingfile" placeholder:"FILE" complete:"file" help:"Who may call: JSON objects with token_sha256, account (or *), role and name. Read again when it changes."`
	RateLimit    float64 `default:"200" placeholder:"N" help:"Requests a second that the tokens of one account may make, twice that at once; 0 for no limit. The platform's are not limited."`
	AuditDays    int     `default:"90" placeholder:"N" help:"Days for which an entry of the audit log is kept."`
	AuditEntries int     `default:"10000" placeholder:"N" help:"Entries kept in the audit log of one account."`
	logFlags
}

// apiProbes is how often an API asks etcd whether what it knows is the latest.
// There are few APIs, and what they say is acted on.
const apiProbes = time.Second

func (apiCmd) Help() string {
	return `Runs one API server. Any number of them may share an etcd. SIGTERM lets open requests finish.

A line of the tokens file (role: admin, member or viewer; account * is the platform's):
  {"token_sha256": "<printf %s TOKEN | sha256sum>", "account": "acme", "role": "member", "name": "ci"}

Examples:
  ringfence api --etcd http://127.0.0.1:2379 --tokens /etc/ringfence/tokens.json
  ringfence api --etcd https://10.0.0.1:2379,https://10.0.0.2:2379 --etcd-ca ca.pem --etcd-cert api.pem --etcd-key api.key \
      --listen 0.0.0.0:8443 --tls-cert tls.pem --tls-key tls.key --tokens /etc/ringfence/tokens.json`
}

func (c *apiCmd) Run(ctx context.Context, std stdio) error {
	log := c.logger(std.err)
	l, err := c.listener(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	cfg, err := c.config(log)
	if err != nil {
		return err
	}
	cfg.ProbeInterval = apiProbes
	s, err := store.Open(ctx, cfg)
	if err != nil {
		return fmt.Errorf("--etcd: %w", err)
	}
	defer s.Close()
	s.Join(store.ClusterMember{ID: newProcessID(), Version: version, Machine: machineName()})
	api, err := openAPI(httpapi.Config{
		Store: s, Logger: log, Registry: newRegistry(),
		Rate:  httpapi.RateLimit{PerSecond: c.RateLimit, Burst: int(2 * c.RateLimit)},
		Audit: httpapi.AuditConfig{Keep: time.Duration(c.AuditDays) * 24 * time.Hour, Entries: c.AuditEntries},
	}, c.Tokens)
	if err != nil {
		return err
	}
	defer api.Close()
	log.Info("API is listening", "url", c.url(l), "etcd", c.Etcd)
	return serve(ctx, l, c.serve(api, ""), log)
}

// api is the HTTP API with what it holds open.
type api struct {
	*httpapi.API
	tokens *httpapi.TokenFile
}

// openAPI makes the API of a store, with a file of tokens. Close it before the
// store.
func openAPI(cfg httpapi.Config, tokens string) (*api, error) {
	file, err := httpapi.OpenTokenFile(tokens, cfg.Logger)
	if err != nil {
		return nil, err
	}
	cfg.Tokens = file
	return &api{httpapi.New(cfg), file}, nil
}

// Close ends what the API does by itself.
func (a *api) Close() {
	a.API.Close()
	a.tokens.Close()
}
