package session

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/devstate"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// Flags are the flags of all client commands.
type Flags struct {
	Server    string        `group:"client" env:"RINGFENCE_SERVER" placeholder:"URL" help:"The API: http://…, https://… or unix:/path. Default: the one of a 'ringfence dev' that runs on this machine, else http://127.0.0.1:8080."`
	TokenFile string        `group:"client" type:"path" placeholder:"FILE" complete:"file" help:"File with the token; else $RINGFENCE_TOKEN, $RINGFENCE_TOKEN_FILE, or the token of 'ringfence dev' on this machine."`
	CACert    string        `group:"client" name:"ca-cert" env:"RINGFENCE_CA_CERT" type:"path" placeholder:"FILE" complete:"file" help:"CA of the API's certificate, PEM."`
	Account   string        `group:"client" short:"a" env:"RINGFENCE_ACCOUNT" placeholder:"ID" complete:"account" help:"The account to work in."`
	Output    output.Format `group:"client" short:"o" default:"table" placeholder:"FORMAT" complete:"output" help:"table or wide (for people), json or yaml (for programs: the API's own), name (ids, one a line), or jsonpath=TEMPLATE as kubectl has it."`
	Wait      time.Duration `group:"client" placeholder:"10s" help:"Wait until every concerned host has applied a change; exit status 3 if one did not."`
	DryRun    bool          `group:"client" help:"Show what a change would do, what it would let through and what it would cut; change nothing."`
	Confirm   string        `group:"client" enum:",open-egress" default:"" placeholder:"open-egress" help:"Make a change although it opens egress, where the account guards against that."`
	Stale     bool          `group:"client" help:"While the store is lost, let reads of objects and lists show what the API knew last, and say so."`
	Timeout   time.Duration `group:"client" default:"30s" help:"Limit of one request, besides --wait."`

	// Version is that of the program, which requests tell the API.
	Version string `kong:"-"`

	columns []string // of the list that is asked for; ListFlags sets them
}

// Session is what a client command works with.
type Session struct {
	Ctx  context.Context
	API  *client.Client
	Out  *output.Printer
	Wait time.Duration
	Dry  bool
	open bool // egress, although the account guards against it
}

// Tenant is a session within one account.
type Tenant struct {
	*Session
	Account string
	Known   map[string]client.Group // seen so far, by id
}

// Bind tells kong how to make what the commands' Run methods ask for.
func Bind(ctx context.Context, kctx *kong.Context, g *Flags, std output.Stdio) {
	kctx.BindTo(ctx, (*context.Context)(nil))
	kctx.Bind(std)
	kctx.Bind(g)
	newSession := func() (*Session, error) { return g.Session(ctx, std) }
	_ = kctx.BindToProvider(newSession) // fails only for what is no provider
	_ = kctx.BindToProvider(func() (*Tenant, error) {
		s, err := newSession()
		if err != nil {
			return nil, err
		}
		return g.Tenant(s)
	})
}

// Tenant narrows a session to the account that the flags name.
func (g *Flags) Tenant(s *Session) (*Tenant, error) {
	if g.Account == "" {
		return nil, failure.Usage("which account? Give --account ID or set RINGFENCE_ACCOUNT")
	}
	return &Tenant{Session: s, Account: g.Account, Known: map[string]client.Group{}}, nil
}

// Printer prints what a command shows, as the flags say.
func (g *Flags) Printer(w io.Writer) *output.Printer {
	return output.NewPrinter(w, g.Output, g.columns)
}

// Session connects to the server that the flags name.
func (g *Flags) Session(ctx context.Context, std output.Stdio) (*Session, error) {
	dev := devstate.Dir("")
	if g.Server == "" {
		var err error
		if dev, err = devstate.Running(); err != nil {
			return nil, err
		}
		if g.Server = dev.URL(); g.Server == "" {
			g.Server = defaultServer
		}
	}
	token, err := g.token(dev)
	if err != nil {
		return nil, err
	}
	opts := []client.Option{client.WithTimeout(g.Timeout), client.WithUserAgent("ringfence/" + g.Version)}
	var transport http.RoundTripper
	if g.CACert != "" {
		if transport, err = Trusting(g.CACert); err != nil {
			return nil, err
		}
	}
	if g.Stale {
		transport = staleReads{cmp.Or(transport, http.DefaultTransport)}
	}
	if output.IsTerminal(std.Err) {
		transport = progress{cmp.Or(transport, http.DefaultTransport), std.Err}
	}
	if transport != nil {
		opts = append(opts, client.WithHTTPClient(&http.Client{Transport: transport}))
	}
	api, err := client.New(g.Server, token, opts...)
	if err != nil {
		return nil, failure.Usage("--server: " + strings.TrimPrefix(err.Error(), "client: "))
	}
	return &Session{Ctx: ctx, API: api, Out: g.Printer(std.Out), Wait: g.Wait, Dry: g.DryRun, open: g.Confirm != ""}, nil
}

// defaultServer is asked where nobody says who is, and no "ringfence dev" runs.
const defaultServer = "http://127.0.0.1:8080"

// token finds the token: the flag first, then the environment, then the one of
// a "ringfence dev" on this machine, for that server alone. dev is the one that
// runs, if that was looked for.
func (g *Flags) token(dev devstate.Dir) (string, error) {
	if g.TokenFile != "" {
		return devstate.ReadToken(g.TokenFile)
	}
	if token := os.Getenv("RINGFENCE_TOKEN"); token != "" {
		return token, nil
	}
	if file := os.Getenv("RINGFENCE_TOKEN_FILE"); file != "" {
		return devstate.ReadToken(file)
	}
	dirs := []devstate.Dir{dev}
	if dev == "" {
		dirs = devstate.All()
	}
	for _, dir := range dirs {
		if dir != "" && dir.URL() == g.Server {
			if token, err := devstate.ReadToken(dir.TokenFile()); err == nil {
				return token, nil
			}
		}
	}
	return "", nil
}

// Trusting returns a transport that trusts the certificates in a PEM file.
func Trusting(file string) (*http.Transport, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--ca-cert: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca-cert: %s holds no PEM certificate", file)
	}
	cfg := certfile.SecureTLS()
	cfg.RootCAs = roots
	return &http.Transport{TLSClientConfig: cfg, Proxy: http.ProxyFromEnvironment}, nil
}
