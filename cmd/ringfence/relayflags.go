package main

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/devstate"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
	"github.com/ringfence/ringfence/controller/upstream"
)

// relayFlags say how a host reaches relays, and shows them who it is. Two of them
// have the names of the client's: on the command line these are parsed, see
// AfterApply, and in a file or in the environment those here.
type relayFlags struct {
	Relay     []string `placeholder:"HOST:PORT" help:"Relays, of which one at a time is followed; any of them serves. Repeatable, or separated by commas. Then nothing of etcd is needed here."`
	TokenFile string   `type:"existingfile" placeholder:"FILE" complete:"file" help:"File with this host's token, for relays: of role host, in the file that they have. Read again for each stream."`
	CACert    string   `name:"ca-cert" type:"existingfile" placeholder:"FILE" complete:"file" help:"CA of the relays' certificates, PEM. Needed unless the relays are on this machine."`
	Cert      string   `type:"existingfile" and:"hosttls" placeholder:"FILE" complete:"file" help:"Certificate by which this host shows relays who it is, PEM: its common name or a DNS name is the host's."`
	Key       string   `type:"existingfile" and:"hosttls" placeholder:"FILE" complete:"file" help:"Its key, PEM."`
}

// AfterApply takes what the command line has of flags that a client has, too.
func (f *relayFlags) AfterApply(g *session.Flags) error { //nolint:unparam // kong takes no other hook
	if len(f.Relay) > 0 {
		f.TokenFile, f.CACert = cmp.Or(g.TokenFile, f.TokenFile), cmp.Or(g.CACert, f.CACert)
	}
	return nil
}

// check says what is wrong with the flags.
func (f *relayFlags) check() error {
	var all []error
	fault := func(format string, a ...any) { all = append(all, failure.Usage(fmt.Sprintf(format, a...))) }
	for _, relay := range f.Relay {
		host, port, err := net.SplitHostPort(relay)
		if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || n < 1 || n > 65535 {
			fault("--relay %q: want host:port", relay)
		} else if !f.secure() && !isLoopback(relay) {
			fault("--relay %s: other machines can read and change what goes there without TLS: give --ca-cert", relay)
		}
	}
	if f.TokenFile == "" && f.Cert == "" {
		fault("--relay: relays must know who this host is: give --token-file, or --cert and --key")
	}
	if f.TokenFile != "" {
		if _, err := devstate.ReadToken(f.TokenFile); err != nil {
			all = append(all, fmt.Errorf("--token-file: %w", err))
		}
	}
	_, err := f.tls(certfile.NewSet(slog.New(slog.DiscardHandler)))
	return failure.All(append(all, err)...)
}

// secure tells whether relays are reached by TLS.
func (f *relayFlags) secure() bool { return f.CACert != "" || f.Cert != "" }

// tls is how they are, which may change whenever a file does.
func (f *relayFlags) tls(certs *certfile.Set) (func() *tls.Config, error) {
	if !f.secure() {
		return func() *tls.Config { return nil }, nil
	}
	base := certfile.SecureTLS()
	if f.Cert != "" {
		cert, err := certs.Open("host", f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("--cert, --key: %w", err)
		}
		base.GetClientCertificate = cert.GetClientCertificate
	}
	if f.CACert == "" {
		return func() *tls.Config { return base }, nil // the system's CAs
	}
	ca, err := certs.Authorities("ca-cert", f.CACert)
	if err != nil {
		return nil, fmt.Errorf("--ca-cert: %w", err)
	}
	return func() *tls.Config {
		cfg := base.Clone()
		cfg.RootCAs = ca.Pool()
		return cfg
	}, nil
}

// client is the host's end of its stream to one of the relays.
func (f *relayFlags) client(host string, certs *certfile.Set, log *slog.Logger, metrics prometheus.Registerer) (*upstream.Client, error) {
	secure, err := f.tls(certs)
	if err != nil {
		return nil, err
	}
	return upstream.New(upstream.Config{
		Relays: f.Relay, Host: host, TLS: secure, Version: version, Logger: log, Metrics: metrics,
		Token: func() (string, error) {
			if f.TokenFile == "" {
				return "", nil
			}
			return devstate.ReadToken(f.TokenFile)
		},
	})
}

// relayLine is how the host's way to the policy is, for "systemctl status".
func relayLine(c *upstream.Client) string {
	relay, since, why := c.Attached()
	switch {
	case relay != "":
		return "relay " + relay
	case why == nil:
		return "no relay reached yet"
	}
	return fmt.Sprintf("no relay since %s: %s", since.UTC().Format(time.RFC3339), strings.Join(strings.Fields(why.Error()), " "))
}
