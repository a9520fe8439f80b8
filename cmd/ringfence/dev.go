package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/devstate"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/console"
	"github.com/ringfence/ringfence/controller"
	"github.com/ringfence/ringfence/controller/upstream"
	"github.com/ringfence/ringfence/httpapi"
	"github.com/ringfence/ringfence/relay"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/store/embedded"
)

type devCmd struct {
	StateDir string `type:"path" placeholder:"DIR" complete:"file" help:"Where the state is kept. Default $RINGFENCE_STATE_DIR, or /var/lib/ringfence, or ~/.local/state/ringfence for other users than root."`
	listenFlags
	consoleFlags
	oidcFlags
	OVSDB string `name:"ovsdb" placeholder:"unix:PATH" help:"The Open vSwitch database. Default: the system's if it runs, else a private Open vSwitch under DIR/ovs with the userspace datapath."`
	bridgeFlags
	logFlags
}

func (devCmd) Help() string {
	return `An embedded etcd, the API, a relay and a controller in one process, for one machine. What it keeps is in the state
directory: the policy, and the admin's token in DIR/admin.token. The bridge is made if it is missing.

Example:
  ringfence dev --state-dir /tmp/rf --listen 127.0.0.1:8080`
}

func (c *devCmd) Run(ctx context.Context, std output.Stdio) error {
	log, _ := c.logger(std.Err)
	if c.StateDir == "" {
		c.StateDir = devstate.Default()
	}
	dir := devstate.Dir(c.StateDir)
	unlock, err := openState(dir, c.Bridge)
	if err != nil {
		return err
	}
	defer unlock()
	host, err := c.hostName()
	if err != nil {
		return err
	}
	packets, err := c.policing()
	if err != nil {
		return err
	}
	certs := certfile.NewSet(log)
	issuer, err := c.oidcFlags.config(log, certs)
	if err != nil {
		return err
	}
	l, err := c.listener(ctx, certs)
	if err != nil {
		return err
	}
	defer l.Close()

	etcd, err := embedded.Start(ctx, dir.EtcdDir(), embedded.Options{Logger: etcdLog(ctx, log)})
	if err != nil {
		return fmt.Errorf("start etcd: %w", err)
	}
	defer etcd.Close()
	cfg := etcd.Config()
	cfg.Logger = log
	s, err := store.Open(ctx, cfg)
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	defer s.Close()
	s.Join(store.ClusterMember{ID: newProcessID(), Version: version, Machine: machineName()})
	registry := newRegistry()
	registry.MustRegister(certs)
	go certs.Run(ctx)
	api, err := openAPI(httpapi.Config{Store: s, Logger: log, Registry: registry, Version: version}, dir.TokensFile(), issuer)
	if err != nil {
		return err
	}
	defer api.Close()
	go api.Run(ctx)
	ovs, err := c.openvswitch(ctx, dir, log)
	if err != nil {
		return err
	}
	defer ovs.stop(log)

	url := c.url(l)
	if err := os.WriteFile(dir.URLFile(), []byte(url+"\n"), 0o644); err != nil {
		return fmt.Errorf("keep the URL: %w", err)
	}
	defer os.Remove(dir.URLFile())
	withdraw, err := dir.Announce()
	if err != nil { // clients have to be told of the server, then
		log.Warn("this state directory is not announced: give clients --server and --token-file", "error", err)
	} else {
		defer withdraw()
	}
	own := controller.Config{
		Host: host, OVSDB: ovs.db, RunDir: ovs.runDir, Bridge: c.Bridge, Datapath: ovs.datapath, Uplink: c.Uplink,
		Version: version, Logger: log, Metrics: registry, NICConnections: c.NICConnections, NICPackets: packets,
	}
	ended, err := followOwnRelay(ctx, &own, s, dir)
	if err != nil {
		return err
	}
	defer ended()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return serve(ctx, l, c.serve(api, console.Options{TokenFile: dir.TokenFile(), Login: api.login(), Logger: log}), log)
	})
	group.Go(func() error { return controller.Run(ctx, own) })
	group.Go(func() error {
		ovs.keep(ctx, log)
		return nil
	})
	printWelcome(std.Out, dir, url, c.consoleURL(url), ovs, c.Bridge, host)
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	log.Info("stopped")
	return nil
}

// followOwnRelay has the controller in this process follow a relay in this process, as
// hosts do, by a socket that is this user's alone. The caller waits for the end of the
// relay before it closes the store.
func followOwnRelay(ctx context.Context, cfg *controller.Config, s *store.Store, dir devstate.Dir) (ended func(), err error) {
	if err := os.Remove(dir.HostsSocket()); err != nil && !os.IsNotExist(err) { // of one that was killed
		return nil, fmt.Errorf("--state-dir: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", dir.HostsSocket())
	if err != nil {
		return nil, fmt.Errorf("--state-dir: %w", err)
	}
	self := ownHost{rand.Text(), cfg.Host}
	if ended, err = serveHosts(ctx, relay.Config{Policy: s, Board: s, Hosts: self, Logger: cfg.Logger, Metrics: cfg.Metrics}, l, nil); err != nil {
		return nil, err
	}
	up, err := upstream.New(upstream.Config{
		Relays: []string{"unix:" + dir.HostsSocket()}, Host: cfg.Host, Version: version, Logger: cfg.Logger, Metrics: cfg.Metrics,
		Token: func() (string, error) { return self.secret, nil }, TLS: func() *tls.Config { return nil },
	})
	if err != nil {
		ended()
		return nil, err
	}
	follow(cfg, up)
	return ended, nil
}

// ownHost knows the one host that is in this process.
type ownHost struct{ secret, name string }

// Host is that of relay.Identifier.
func (h ownHost) Host(secret string) (string, error) {
	if subtle.ConstantTimeCompare([]byte(secret), []byte(h.secret)) != 1 {
		return "", errors.New("the token is not that of this process")
	}
	return h.name, nil
}

// openState makes the state directory ready and takes it for this process.
func openState(d devstate.Dir, bridge string) (unlock func(), err error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, fmt.Errorf("--state-dir: %w", err)
	}
	if err := checkSockets("--state-dir", filepath.Join(d.OVSDir(), "run"), bridge); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(d.LockFile(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--state-dir: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("--state-dir: another ringfence dev uses %s", d)
	}
	if err := d.EnsureAdminToken(); err != nil {
		lock.Close()
		return nil, err
	}
	return func() { lock.Close() }, nil
}

// printWelcome says where everything is, with a line to try.
func printWelcome(w io.Writer, dir devstate.Dir, url, console string, ovs *devOVS, bridge, host string) {
	curl, target, cat := "curl", url, "cat"
	if os.Getenv("SUDO_USER") != "" {
		cat = "sudo cat"
	}
	if path, ok := strings.CutPrefix(url, "unix:"); ok {
		curl, target = "curl --unix-socket "+path, "http://ringfence"
	} else if strings.HasPrefix(url, "https:") {
		curl = "curl --cacert CA.pem"
	}
	if console != "" {
		console = "\n  console  " + console
	}
	fmt.Fprintf(w, `Ringfence is running on host %s.
  API      %s%s
  token    %s (admin)
  switch   bridge %s, %s
  try      %s -H "Authorization: Bearer $(%s %s)" %s/v1/hosts
Stop it with Ctrl-C.
`, host, url, console, dir.TokenFile(), bridge, ovs.describe(), curl, cat, dir.TokenFile(), target)
}

// answers reports whether a process accepts connections at a unix socket.
func answers(ctx context.Context, path string) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// warnErr logs what went wrong while stopping: it cannot be returned any more.
func warnErr(log *slog.Logger, what string, err error) {
	if err != nil {
		log.Warn(what, "error", err)
	}
}
