package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/service"
	"github.com/ringfence/ringfence/controller"
	"github.com/ringfence/ringfence/controller/upstream"
	"github.com/ringfence/ringfence/controller/whole"
	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// bridgeFlags say which bridge a controller works on, and who it is.
type bridgeFlags struct {
	Bridge string `default:"br-int" placeholder:"NAME" help:"The bridge that VMs are plugged into, made if it is missing. Default br-int."`
	Host   string `placeholder:"NAME" help:"This host's name, unique in the platform. Default: the machine's host name."`
	Uplink string `placeholder:"PORT" help:"Port of the bridge that leads to other hosts; frames leave it with their network's VLAN."`

	NICConnections uint32 `name:"nic-connections" default:"200000" placeholder:"N" help:"How many connections a NIC may have open, so that no VM fills the table for the others. 0: any number. Default 200000."`

	NICPackets int `name:"nic-packets" placeholder:"N" help:"How many packets a second a NIC may send, in steps of 1000; the kernel drops what is beyond before Open vSwitch sees it. On the kernel datapath alone. Default: any number."`
	NICBurst   int `name:"nic-packet-burst" default:"16000" placeholder:"N" help:"With --nic-packets: how many it may send at once, in steps of 1000. Default 16000."`
}

// policing is what of the flags NICs are held to.
func (f *bridgeFlags) policing() (ovsdb.Policing, error) {
	for _, flag := range []struct {
		name string
		n    int
	}{{"--nic-packets", f.NICPackets}, {"--nic-packet-burst", f.NICBurst}} {
		if most := 1_000_000_000; flag.n < 0 || flag.n > most || flag.n%1000 != 0 {
			return ovsdb.Policing{}, failure.Usage(fmt.Sprintf("%s %d: want a multiple of 1000, at most %d: Open vSwitch counts thousands", flag.name, flag.n, most))
		}
	}
	switch {
	case f.NICPackets == 0:
		return ovsdb.Policing{}, nil
	case f.NICBurst == 0:
		return ovsdb.Policing{}, failure.Usage("--nic-packet-burst 0: with --nic-packets it has to be 1000 at least, or nothing passes")
	}
	return ovsdb.Policing{Rate: f.NICPackets / 1000, Burst: f.NICBurst / 1000}, nil
}

// hostName is the flag or the machine's own name.
func (f *bridgeFlags) hostName() (string, error) {
	name := f.Host
	if name == "" {
		var err error
		if name, err = os.Hostname(); err != nil {
			return "", fmt.Errorf("--host: %w", err)
		}
	}
	if !secgroup.ValidHost(name) {
		return "", failure.Usage(fmt.Sprintf("--host %q: a host's name is 1-64 printable characters without space and /", name))
	}
	return name, nil
}

type controllerCmd struct {
	configFlags
	relayFlags
	Etcd []string `placeholder:"ENDPOINT" help:"Instead of relays: etcd endpoints, such as https://10.0.0.1:2379. Repeatable, or separated by commas."`
	etcdAccess
	bridgeFlags
	OVSDB string `name:"ovsdb" default:"unix:/var/run/openvswitch/db.sock" placeholder:"unix:PATH" help:"The Open vSwitch database. Default unix:/var/run/openvswitch/db.sock."`
	metricsFlags
	OVSRunDir string `name:"ovs-rundir" placeholder:"DIR" complete:"file" help:"Where ovs-vswitchd's sockets are. Default: beside the database's."`
	ShareFile string `name:"share-file" type:"path" placeholder:"FILE" complete:"file" help:"Keep here what this host needs of the policy: if it starts while nobody tells what the policy is it enforces that, and says that it is stale. Default: nothing is kept."`
	logFlags
}

func (controllerCmd) Help() string {
	return `Runs this host's controller. It may be stopped and started at any time: flows and connections stay as they are.
What this host needs of the policy it has from a relay (--relay: 'ringfence relay', or 'ringfence api' with --hosts-listen), or, in
a small platform, from etcd itself (--etcd). A VM is plugged by adding its interface to the bridge with external_ids:iface-id=<nic id>.

Every flag may be a line of a YAML file ("uplink: eth1") or a variable (RINGFENCE_UPLINK): the command line wins over the
environment, that over the file. 'ringfence config check FILE' tries a file. On SIGHUP, and when the file has changed, the controller reads all of it
again, takes up log-level, and says in its log what else has changed and takes a restart. Certificates and keys are taken up by themselves when they are renewed on disk.

Examples:
  ringfence controller --config /etc/ringfence/controller.yaml
  ringfence controller --relay 10.0.0.1:8444,10.0.0.2:8444 --ca-cert ca.pem --token-file /etc/ringfence/host.token --uplink eth1
  ringfence controller --relay 10.0.0.1:8444 --ca-cert ca.pem --cert h1.pem --key h1.key --host h1 --uplink eth1
  ringfence controller --etcd https://10.0.0.1:2379 --etcd-ca ca.pem --etcd-cert h1.pem --etcd-key h1.key --host h1 --uplink eth1`
}

// check says what is wrong with the flags, without opening anything.
func (c *controllerCmd) check() error {
	run, dir := c.runDir()
	var sockets error
	if dir == nil {
		sockets = checkSockets("--ovs-rundir", run, c.Bridge)
	}
	_, host := c.hostName()
	_, policing := c.policing()
	return failure.All(dir, sockets, host, policing, c.metricsFlags.check(), c.checkSource())
}

// checkSource says what is wrong with where the policy comes from.
func (c *controllerCmd) checkSource() error {
	switch {
	case len(c.Relay) > 0 && len(c.Etcd) > 0:
		return failure.Usage("--relay and --etcd: a host has the policy from one of them alone: leave one out")
	case len(c.Relay) > 0 && c.etcdAccess != etcdAccess{}:
		return failure.Usage("--etcd-ca, --etcd-cert, --etcd-key: a host that has the policy from relays does not reach etcd: leave them out, or give --etcd instead of --relay")
	case len(c.Relay) > 0:
		return c.relayFlags.check()
	case len(c.Etcd) == 0:
		return failure.Usage("missing flags: --relay=HOST:PORT,... or --etcd=ENDPOINT,...")
	case c.Cert != "":
		return failure.Usage("--cert, --key: they are for relays: give --relay instead of --etcd, or leave them out")
	}
	_, err := c.etcdAccess.config(c.Etcd, nil, certfile.NewSet(slog.New(slog.DiscardHandler)))
	return err
}

func (c *controllerCmd) Run(ctx context.Context, std output.Stdio, launch *launch) error {
	hangups := hangups()
	log, level := c.logger(std.Err)
	certs := certfile.NewSet(log)
	if err := c.check(); err != nil {
		return err
	}
	run, err := c.runDir()
	if err != nil {
		return err
	}
	host, err := c.hostName()
	if err != nil {
		return err
	}
	packets, err := c.policing()
	if err != nil {
		return err
	}
	registry := newRegistry()
	registry.MustRegister(certs)
	cfg := controller.Config{
		Host: host, OVSDB: c.OVSDB, RunDir: run, Bridge: c.Bridge, Uplink: c.Uplink, Version: version, Logger: log, Metrics: registry,
		NICConnections: c.NICConnections, NICPackets: packets, ShareFile: c.ShareFile,
	}
	var way func() string
	if len(c.Relay) > 0 {
		way, err = c.followRelays(&cfg, certs)
	} else {
		var s *store.Store
		if s, err = c.openStore(ctx, log, certs); err == nil {
			defer s.Close()
			registry.MustRegister(store.Troubles(s.Condition))
			way = c.followStore(&cfg, s)
		}
	}
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if err := c.metricsFlags.serve(ctx, group, registry, log); err != nil {
		return err
	}
	manager := service.New(log)
	context.AfterFunc(ctx, manager.Stopping)
	again := reloader{
		launch: launch, log: log, manager: manager, always: certs.Reload, check: func(next *cli) error { return next.Controller.check() },
		live: map[string]func(*cli){"log-level": func(next *cli) { level.Set(next.Controller.level()) }},
	}
	go again.run(ctx, c.Config, hangups)
	go certs.Run(ctx)
	reports := &watchedReports{Reports: cfg.Reports, now: time.Now}
	cfg.Reports, cfg.Alive = reports, reports.turn
	line := func() string { return reports.line() + ", " + way() }
	manager.Started(line())
	go manager.Run(ctx, line, reports.alive)
	log.Info("controller starts", "version", version, "host", host, "bridge", c.Bridge, "ovsdb", c.OVSDB, "relays", c.Relay, "etcd", c.Etcd, "config", c.Config)
	group.Go(func() error { return controller.Run(ctx, cfg) })
	return group.Wait()
}

// followRelays has a controller follow relays. It returns how that is, for people.
func (c *controllerCmd) followRelays(cfg *controller.Config, certs *certfile.Set) (way func() string, err error) {
	up, err := c.relayFlags.client(cfg.Host, certs, cfg.Logger, cfg.Metrics)
	if err != nil {
		return nil, err
	}
	follow(cfg, up)
	cfg.ShareSources = c.Relay
	return func() string { return relayLine(up) }, nil
}

// follow has a controller have everything by its stream to a relay.
func follow(cfg *controller.Config, up *upstream.Client) {
	cfg.Share, cfg.Judge, cfg.Reports, cfg.Asks, cfg.Peers, cfg.Plugs, cfg.History = up, up, up, up, up, up, up
	cfg.Applied, cfg.Reached = up.Applied, up.Reached
}

func (c *controllerCmd) openStore(ctx context.Context, log *slog.Logger, certs *certfile.Set) (*store.Store, error) {
	cfg, err := c.etcdAccess.config(c.Etcd, log, certs)
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("--etcd: %w", err)
	}
	return s, nil
}

// followStore has a controller follow etcd itself.
func (c *controllerCmd) followStore(cfg *controller.Config, s *store.Store) (way func() string) {
	policy := whole.New(s, cfg.Host)
	cfg.Share, cfg.Judge, cfg.Reports, cfg.Asks, cfg.Peers, cfg.Plugs, cfg.History = policy, policy, s, policy.Asks(s), s, s, s
	cfg.ShareSources = c.Etcd
	return func() string { return storeLine(s.Condition()) }
}

// runDir is where the sockets of ovs-vswitchd are.
func (c *controllerCmd) runDir() (string, error) {
	path, ok := strings.CutPrefix(c.OVSDB, "unix:")
	if !ok || path == "" {
		return "", failure.Usage(fmt.Sprintf("--ovsdb %s: want unix:/path/to/db.sock", c.OVSDB))
	}
	if err := checkSocket("--ovsdb", path); err != nil {
		return "", err
	}
	if c.OVSRunDir != "" {
		return c.OVSRunDir, nil
	}
	return filepath.Dir(path), nil
}

// checkSockets refuses a directory whose name leaves no room for the sockets
// that ovs-vswitchd makes there.
func checkSockets(what, runDir, bridge string) error {
	if err := checkSocket(what, filepath.Join(runDir, bridge+".mgmt")); err != nil {
		return err
	}
	return checkSocket(what, filepath.Join(runDir, "ovs-vswitchd.4194304.ctl")) // the largest process id, proc(5)
}
