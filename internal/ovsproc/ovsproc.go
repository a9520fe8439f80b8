// Package ovsproc runs a private Open vSwitch: one ovsdb-server and one
// ovs-vswitchd with every file of theirs under one directory, so that several
// can live on one machine beside the system's own. They die with the process
// that started them.
package ovsproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// defaultSchema is where Debian's openvswitch-switch installs the schema.
const defaultSchema = "/usr/share/openvswitch/vswitch.ovsschema"

// maxSocketPath is the longest path of a unix socket, sun_path of unix(7)
// without its final NUL.
const maxSocketPath = 107

// Config says where and how to run.
type Config struct {
	// Dir holds run/, log/ and db/. A database found in db/ is used again.
	// It must be short: the sockets below it have at most 107 bytes of path.
	Dir string
	// Netns is the path of the network namespace of ovs-vswitchd, such as
	// /run/netns/h1. Empty: that of this process, or see PrivateNetns.
	Netns string
	// PrivateNetns gives ovs-vswitchd a new network namespace of its own: the
	// userspace datapath makes tap devices with fixed names (ovs-netdev, and
	// the bridge's), which must not meet another switch's.
	PrivateNetns bool
	// Dummy enables the datapath and port type "dummy", for tests.
	Dummy bool
	// System lets bridges use the kernel's datapath, of which a network
	// namespace has one.
	System bool
	// Schema is the path of vswitch.ovsschema, by default Debian's.
	Schema string
}

// Proc is a running Open vSwitch. Its methods are safe for concurrent use.
type Proc struct {
	cfg Config

	mu       sync.Mutex
	ovsdb    *daemon
	vswitchd *daemon
}

// Start starts ovsdb-server and ovs-vswitchd and returns when both answer.
// ctx limits the start only; end them with Stop.
func Start(ctx context.Context, cfg Config) (*Proc, error) {
	if cfg.Schema == "" {
		cfg.Schema = defaultSchema
	}
	if cfg.Netns != "" && cfg.PrivateNetns {
		return nil, errors.New("ovsproc: Netns and PrivateNetns exclude each other")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("ovsproc: %w", err)
	}
	cfg.Dir = dir
	p := &Proc{cfg: cfg}
	// The longest name is that of a control socket with a 7-digit pid.
	if n := len(p.ctl(9999999)); n > maxSocketPath {
		return nil, fmt.Errorf("ovsproc: directory %q is %d bytes too long for unix sockets", dir, n-maxSocketPath)
	}
	for _, d := range []string{p.RunDir(), p.LogDir(), p.dbDir()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("ovsproc: %w", err)
		}
	}
	if _, err := os.Stat(p.dbFile()); errors.Is(err, os.ErrNotExist) {
		if err := p.createDB(); err != nil {
			return nil, err
		}
	}
	if err := p.StartOVSDB(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	if err := p.StartVswitchd(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// Stop ends both daemons and waits for them. It may be called repeatedly.
func (p *Proc) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.vswitchd.stop(syscall.SIGTERM), p.ovsdb.stop(syscall.SIGTERM))
}

// StartOVSDB starts ovsdb-server after it was killed.
func (p *Proc) StartOVSDB(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ovsdb.running() {
		return errors.New("ovsproc: ovsdb-server is running already")
	}
	d, err := p.spawn(ctx, "ovsdb-server", nil,
		func(int) string { return p.DBSock() },
		p.dbFile(), "--remote=punix:"+p.DBSock(), "--unixctl="+filepath.Join(p.RunDir(), "ovsdb-server.ctl"))
	if err != nil {
		return err
	}
	p.ovsdb = d
	return nil
}

// KillOVSDB ends ovsdb-server with SIGKILL.
func (p *Proc) KillOVSDB() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ovsdb.stop(syscall.SIGKILL)
}

// StartVswitchd starts ovs-vswitchd after it was killed.
func (p *Proc) StartVswitchd(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.vswitchd.running() {
		return errors.New("ovsproc: ovs-vswitchd is running already")
	}
	args := []string{p.DBAddr()}
	if !p.cfg.System {
		args = append(args, "--disable-system")
	}
	if p.cfg.Dummy {
		args = append(args, "--enable-dummy")
	}
	d, err := p.spawn(ctx, "ovs-vswitchd", p.enterNetns(), p.ctl, args...)
	if err != nil {
		return err
	}
	p.vswitchd = d
	return nil
}

// KillVswitchd ends ovs-vswitchd with SIGKILL: its flows and its userspace
// datapath are gone.
func (p *Proc) KillVswitchd() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.vswitchd.stop(syscall.SIGKILL)
}

// RestartVswitchd ends ovs-vswitchd in order and starts it again.
func (p *Proc) RestartVswitchd(ctx context.Context) error {
	p.mu.Lock()
	err := p.vswitchd.stop(syscall.SIGTERM)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	return p.StartVswitchd(ctx)
}

// VswitchdPID is the process id of ovs-vswitchd, 0 while it is not running.
func (p *Proc) VswitchdPID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.vswitchd.running() {
		return 0
	}
	return p.vswitchd.pid()
}

// Ctl is the path of the control socket of the running ovs-vswitchd. It
// changes with each restart. Empty while it is not running.
func (p *Proc) Ctl() string {
	if pid := p.VswitchdPID(); pid != 0 {
		return p.ctl(pid)
	}
	return ""
}
