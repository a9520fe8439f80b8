package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/service"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/relay"
	"github.com/ringfence/ringfence/store"
)

// hostsFlags say where a relay listens for hosts, and which it believes.
type hostsFlags struct {
	HostCA string `name:"host-ca" type:"existingfile" placeholder:"FILE" complete:"file" help:"CA of the certificates by which hosts may show who they are, PEM: the common name or a DNS name is the host's."`
}

type relayCmd struct {
	configFlags
	etcdFlags
	hostsFlags
	HostsListen string `required:"" placeholder:"ADDR" help:"host:port at which hosts come."`
	TLSCert     string `name:"tls-cert" type:"existingfile" and:"tls" placeholder:"FILE" complete:"file" help:"Certificate chain, PEM. Needed unless only this machine can reach the address."`
	TLSKey      string `name:"tls-key" type:"existingfile" and:"tls" placeholder:"FILE" complete:"file" help:"Its key, PEM."`
	Tokens      string `required:"" type:"existingfile" placeholder:"FILE" complete:"file" help:"Which hosts may come: as the API's file, those of role host. Read again when it changes."`
	metricsFlags
	logFlags
}

func (relayCmd) Help() string {
	return `Runs a relay: it follows the policy in etcd and hands each host its share of it. It keeps nothing, and may be stopped and started at any
time; any number of them may share an etcd. Hosts show who they are by a client certificate or by a token:
  {"token_sha256": "<printf %s TOKEN | sha256sum>", "host": "h1", "role": "host", "name": "h1"}

Every flag may be a line of a YAML file ("hosts-listen: 0.0.0.0:8444") or a variable (RINGFENCE_HOSTS_LISTEN): the command line wins over the
environment, that over the file. 'ringfence config check FILE' tries a file. On SIGHUP, and when the file has changed, the relay reads all of it
again, takes up log-level, and says in its log what else has changed and takes a restart. Certificates and keys are taken up by themselves when they are renewed on disk.

Examples:
  ringfence relay --config /etc/ringfence/relay.yaml
  ringfence relay --etcd https://10.0.0.1:2379 --etcd-ca ca.pem --etcd-cert relay.pem --etcd-key relay.key \
      --hosts-listen 0.0.0.0:8444 --tls-cert tls.pem --tls-key tls.key --host-ca hosts.pem --tokens /etc/ringfence/tokens.json`
}

// check says what is wrong with the flags, without opening anything.
func (c *relayCmd) check() error {
	certs := certfile.NewSet(slog.New(slog.DiscardHandler))
	_, etcd := c.etcdFlags.config(nil, certs)
	_, secure := c.hostsFlags.secure(certs, c.HostsListen, c.TLSCert, c.TLSKey)
	return failure.All(c.metricsFlags.check(), etcd, secure, tokens.Check(c.Tokens))
}

// secure is how what hosts and a relay say to each other is kept from others: by TLS,
// nil where only this machine can reach the address.
func (f *hostsFlags) secure(certs *certfile.Set, listen, certFile, keyFile string) (*tls.Config, error) {
	if _, _, err := net.SplitHostPort(listen); err != nil {
		return nil, failure.Usage(fmt.Sprintf("--hosts-listen %s: want host:port", listen))
	}
	if certFile == "" {
		switch {
		case !isLoopback(listen):
			return nil, failure.Usage(fmt.Sprintf("--hosts-listen %s: other machines can reach this address and there is no TLS: give --tls-cert and --tls-key, or listen on 127.0.0.1", listen))
		case f.HostCA != "":
			return nil, failure.Usage("--host-ca: certificates take TLS: give --tls-cert and --tls-key")
		}
		return nil, nil
	}
	cert, err := certs.Open("hosts", certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	cfg := certfile.SecureTLS()
	cfg.GetCertificate = cert.GetCertificate
	if f.HostCA != "" {
		ca, err := certs.Authorities("host-ca", f.HostCA)
		if err != nil {
			return nil, fmt.Errorf("--host-ca: %w", err)
		}
		cfg.ClientAuth = tls.VerifyClientCertIfGiven
		cfg.NextProtos = []string{"h2"} // which gRPC adds to the one, and not to those of each handshake
		each := cfg.Clone()
		cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			now := each.Clone()
			now.ClientCAs = ca.Pool()
			return now, nil
		}
	}
	return cfg, nil
}

// relayName is like no other relay's, also on one machine.
func relayName() string { return machineName() + "-" + newProcessID() }

// serveHosts has a relay in this process serve hosts that come to l, which it closes,
// until ctx ends. The caller waits for it before it closes the store.
func serveHosts(ctx context.Context, cfg relay.Config, l net.Listener, secure *tls.Config) (wait func(), err error) {
	cfg.Name, cfg.Version = relayName(), version
	r, err := relay.New(cfg)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	cfg.Logger.Info("hosts are served", "hosts", l.Addr().String())
	var wg sync.WaitGroup
	run := func(fn func() error) {
		wg.Go(func() {
			if err := fn(); err != nil && ctx.Err() == nil {
				cfg.Logger.Error("hosts are not served any more: restart this API", "error", err)
			}
		})
	}
	run(func() error { return r.Run(ctx) })
	run(func() error { return r.Serve(ctx, l, secure) })
	return func() {
		cancel()
		wg.Wait()
	}, nil
}

func (c *relayCmd) Run(ctx context.Context, std output.Stdio, launch *launch) error {
	hangups := hangups()
	log, level := c.logger(std.Err)
	certs := certfile.NewSet(log)
	if err := c.check(); err != nil {
		return err
	}
	secure, err := c.hostsFlags.secure(certs, c.HostsListen, c.TLSCert, c.TLSKey)
	if err != nil {
		return err
	}
	cfg, err := c.etcdFlags.config(log, certs)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, cfg)
	if err != nil {
		return fmt.Errorf("--etcd: %w", err)
	}
	defer s.Close()
	who, err := tokens.Open(c.Tokens, log)
	if err != nil {
		return err
	}
	defer who.Close()
	registry := newRegistry()
	registry.MustRegister(store.Troubles(s.Condition), certs)
	r, err := relay.New(relay.Config{Policy: s, Hosts: who, Board: s, Name: relayName(), Version: version, Logger: log, Metrics: registry})
	if err != nil {
		return err
	}
	hosts, err := new(net.ListenConfig).Listen(ctx, "tcp", c.HostsListen)
	if err != nil {
		return fmt.Errorf("--hosts-listen: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	if err := c.metricsFlags.serve(ctx, group, registry, log); err != nil {
		return errors.Join(err, hosts.Close())
	}
	manager := service.New(log)
	context.AfterFunc(ctx, manager.Stopping)
	again := reloader{
		launch: launch, log: log, manager: manager, always: certs.Reload, check: func(next *cli) error { return next.Relay.check() },
		live: map[string]func(*cli){"log-level": func(next *cli) { level.Set(next.Relay.level()) }},
	}
	go again.run(ctx, c.Config, hangups)
	go certs.Run(ctx)
	line := func() string { return plural(r.Hosts(), "host") + ", " + storeLine(s.Condition()) }
	manager.Started(line())
	go manager.Run(ctx, line, func(context.Context) error {
		r.Hosts() // a lock that nobody gives back would hold it up
		return nil
	})
	log.Info("relay is listening", "hosts", hosts.Addr().String(), "etcd", c.Etcd, "config", c.Config)
	group.Go(func() error {
		if err := r.Run(ctx); ctx.Err() == nil {
			return fmt.Errorf("relay: %w", err)
		}
		return nil
	})
	group.Go(func() error { return r.Serve(ctx, hosts, secure) })
	return group.Wait()
}
