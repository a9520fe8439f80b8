package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/service"
	"github.com/ringfence/ringfence/console"
	"github.com/ringfence/ringfence/httpapi"
	"github.com/ringfence/ringfence/httpapi/audit"
	"github.com/ringfence/ringfence/httpapi/openid"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/relay"
	"github.com/ringfence/ringfence/store"
)

type apiCmd struct {
	configFlags
	etcdFlags
	listenFlags
	consoleFlags
	oidcFlags
	hostsFlags
	HostsListen  string  `placeholder:"ADDR" help:"Be a relay, too: host:port at which hosts come for their share of the policy, with the TLS of --listen and the tokens of role host. Default: none come."`
	Tokens       string  `required:"" type:"existingfile" placeholder:"FILE" complete:"file" help:"Who may call: JSON objects with token_sha256, account (or *), role and name. Read again when it changes."`
	RateLimit    float64 `default:"200" placeholder:"N" help:"Requests a second that the tokens of one account may make, twice that at once; 0 for no limit. The platform's are not limited."`
	AuditDays    int     `default:"90" placeholder:"N" help:"Days for which an entry of the audit log is kept."`
	AccessLog    bool    `help:"Log every request when it is answered: who asked for what, and what came of it."`
	AuditEntries int     `default:"10000" placeholder:"N" help:"Entries kept in the audit log of one account."`
	logFlags
}

// apiProbes is how often an API asks etcd whether what it knows is the latest.
// There are few APIs, and what they say is acted on.
const apiProbes = time.Second

func (apiCmd) Help() string {
	return `Runs one API server. Any number of them may share an etcd. SIGTERM lets open requests finish.

A line of the tokens file (role: admin, member, viewer or metrics; account * is the platform's):
  {"token_sha256": "<printf %s TOKEN | sha256sum>", "account": "acme", "role": "member", "name": "ci"}

Every flag may be a line of a YAML file ("listen: 0.0.0.0:8443") or a variable (RINGFENCE_LISTEN): the command line wins over the
environment, that over the file. 'ringfence config check FILE' tries a file. On SIGHUP, and when the file has changed, the API reads all of it again,
takes up log-level and rate-limit, and says in its log what else has changed and takes a restart. Certificates and keys are taken up by themselves when they are renewed on disk.

Examples:
  ringfence api --config /etc/ringfence/api.yaml
  ringfence api --etcd http://127.0.0.1:2379 --tokens /etc/ringfence/tokens.json
  ringfence api --etcd https://10.0.0.1:2379,https://10.0.0.2:2379 --etcd-ca ca.pem --etcd-cert api.pem --etcd-key api.key \
      --listen 0.0.0.0:8443 --tls-cert tls.pem --tls-key tls.key --tokens /etc/ringfence/tokens.json`
}

// check says what is wrong with the flags, without opening anything.
func (c *apiCmd) check() error {
	var rate, days, entries error
	if !(c.RateLimit >= 0 && c.RateLimit <= maxRate) {
		rate = failure.Usage(fmt.Sprintf("--rate-limit %v: want a number from 0 to %v", c.RateLimit, maxRate))
	}
	if c.AuditDays < 1 {
		days = failure.Usage(fmt.Sprintf("--audit-days %d: want at least 1", c.AuditDays))
	}
	if c.AuditEntries < 1 {
		entries = failure.Usage(fmt.Sprintf("--audit-entries %d: want at least 1", c.AuditEntries))
	}
	_, etcd := c.etcdFlags.config(nil, certfile.NewSet(slog.New(slog.DiscardHandler)))
	_, hosts := c.secureHosts(certfile.NewSet(slog.New(slog.DiscardHandler)))
	return failure.All(rate, days, entries, c.listenFlags.check(), etcd, c.oidcFlags.check(), hosts, tokens.Check(c.Tokens))
}

// secureHosts is the TLS for hosts, nil if none come or only from this machine.
func (c *apiCmd) secureHosts(certs *certfile.Set) (*tls.Config, error) {
	if c.HostsListen == "" {
		if c.HostCA != "" {
			return nil, failure.Usage("--host-ca: no hosts come without --hosts-listen")
		}
		return nil, nil
	}
	return c.hostsFlags.secure(certs, c.HostsListen, c.TLSCert, c.TLSKey)
}

// maxRate is beyond what any API answers: who wants no limit says 0.
const maxRate = 1_000_000

// rate is what --rate-limit says.
func (c *apiCmd) rate() transport.RateLimit {
	return transport.RateLimit{PerSecond: c.RateLimit, Burst: int(2 * c.RateLimit)}
}

func (c *apiCmd) Run(ctx context.Context, std output.Stdio, launch *launch) error {
	hangups := hangups()
	log, level := c.logger(std.Err)
	certs := certfile.NewSet(log)
	if err := c.check(); err != nil {
		return err
	}
	l, err := c.listener(ctx, certs)
	if err != nil {
		return err
	}
	defer l.Close()
	cfg, err := c.etcdFlags.config(log, certs)
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
	registry := newRegistry()
	registry.MustRegister(certs)
	issuer, err := c.oidcFlags.config(log, certs)
	if err != nil {
		return err
	}
	api, err := openAPI(httpapi.Config{
		Store: s, Logger: log, Registry: registry, Version: version,
		Rate: c.rate(), AccessLog: c.AccessLog,
		Audit: audit.Config{Keep: time.Duration(c.AuditDays) * 24 * time.Hour, Entries: c.AuditEntries},
	}, c.Tokens, issuer)
	if err != nil {
		return err
	}
	defer api.Close()
	if c.HostsListen != "" {
		secure, err := c.secureHosts(certs)
		if err != nil {
			return err
		}
		hosts, err := new(net.ListenConfig).Listen(ctx, "tcp", c.HostsListen)
		if err != nil {
			return fmt.Errorf("--hosts-listen: %w", err)
		}
		ended, err := serveHosts(ctx, relay.Config{Policy: s, Board: s, Hosts: api.who.file, Logger: log, Metrics: registry}, hosts, secure)
		if err != nil {
			return err
		}
		defer ended()
	}
	manager := service.New(log)
	context.AfterFunc(ctx, manager.Stopping)
	again := reloader{
		launch: launch, log: log, manager: manager, always: certs.Reload, check: func(next *cli) error { return next.API.check() },
		live: map[string]func(*cli){
			"log-level":  func(next *cli) { level.Set(next.API.level()) },
			"rate-limit": func(next *cli) { api.SetRate(next.API.rate()) },
		},
	}
	go again.run(ctx, c.Config, hangups)
	go certs.Run(ctx)
	go api.Run(ctx)
	line := func() string { return "serving " + c.url(l) + ", " + storeLine(s.Condition()) }
	manager.Started(line()) // who connects from now on is served as soon as serve looks
	go supervise(ctx, manager, line, s)
	log.Info("API is listening", "url", c.url(l), "etcd", c.Etcd, "config", c.Config)
	return serve(ctx, l, c.serve(api, console.Options{Login: api.login(), Logger: log}), log)
}

// api is the HTTP API with what it holds open.
type api struct {
	*httpapi.API
	who identities
}

// openAPI makes the API of a store, with a file of tokens and, unless it is nil,
// an issuer of others. Close it before the store.
//
//nolint:contextcheck // what it shows of the store is asked for by scrapes
func openAPI(cfg httpapi.Config, tokensFile string, oidc *openid.Config) (*api, error) {
	var who identities
	var err error
	if oidc != nil {
		if who.issuer, err = openid.New(*oidc); err != nil {
			return nil, fmt.Errorf("--oidc-%w", err)
		}
		cfg.Registry.MustRegister(who.issuer)
	}
	if who.file, err = tokens.Open(tokensFile, cfg.Logger); err != nil {
		return nil, err
	}
	cfg.Tokens = who
	return &api{httpapi.New(cfg), who}, nil
}

// Run keeps up to date what tells who calls, until ctx ends.
func (a *api) Run(ctx context.Context) {
	if a.who.issuer != nil {
		a.who.issuer.Run(ctx)
	}
}

// login is how people sign in at the console besides by a token; nil: not at all.
func (a *api) login() console.Login {
	if a.who.issuer == nil || !a.who.issuer.SignsIn() {
		return nil
	}
	return a.who.issuer
}

// Close ends what the API does by itself.
func (a *api) Close() {
	a.API.Close()
	a.who.file.Close()
}
