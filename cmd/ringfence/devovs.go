package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/devstate"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/internal/ovsproc"
)

// systemOVSDB is the database socket of Debian's openvswitch-switch.
const systemOVSDB = "/var/run/openvswitch/db.sock"

// devOVS is the Open vSwitch that "ringfence dev" works with.
type devOVS struct {
	db       string // "unix:PATH"
	runDir   string
	datapath string        // datapath_type of a bridge that is not there yet
	private  *ovsproc.Proc // nil: not ours
}

// openvswitch finds the Open vSwitch to use, and starts a private one if there
// is none. That one has the userspace datapath: the kernel's would be shared
// with a system Open vSwitch started later.
func (c *devCmd) openvswitch(ctx context.Context, dir devstate.Dir, log *slog.Logger) (*devOVS, error) {
	ovs := &devOVS{db: c.OVSDB}
	if ovs.db == "" && answers(ctx, systemOVSDB) {
		ovs.db = "unix:" + systemOVSDB
	}
	if ovs.db == "" {
		log.Info("no Open vSwitch runs on this machine: starting a private one", "dir", dir.OVSDir())
		proc, err := ovsproc.Start(ctx, ovsproc.Config{Dir: dir.OVSDir()})
		if err != nil {
			return nil, fmt.Errorf("start a private Open vSwitch: %w", err)
		}
		return &devOVS{db: proc.DBAddr(), runDir: proc.RunDir(), datapath: "netdev", private: proc}, nil
	}
	path, ok := strings.CutPrefix(ovs.db, "unix:")
	if !ok {
		return nil, failure.Usage(fmt.Sprintf("--ovsdb %s: want unix:/path/to/db.sock", ovs.db))
	}
	if err := checkSocket("--ovsdb", path); err != nil {
		return nil, err
	}
	ovs.runDir = filepath.Dir(path)
	return ovs, nil
}

// keep starts what of the private Open vSwitch has ended again, until ctx ends:
// nobody else would. What the switch forgot with it the controller brings back.
func (o *devOVS) keep(ctx context.Context, log *slog.Logger) {
	if o.private == nil {
		return
	}
	o.private.Keep(ctx, func(daemon string, failed error) {
		switch {
		case ctx.Err() != nil:
		case failed != nil:
			log.Error("private Open vSwitch: not started again", "process", daemon, "error", failed)
		default:
			log.Error("private Open vSwitch: a process has ended, and is started again; open connections begin anew", "process", daemon)
		}
	})
}

// stop ends the private Open vSwitch.
func (o *devOVS) stop(log *slog.Logger) {
	if o.private != nil {
		warnErr(log, "stop the private Open vSwitch", o.private.Stop())
	}
}

func (o *devOVS) describe() string {
	if o.private != nil {
		return "private Open vSwitch, userspace datapath (ovs-vsctl --db=" + o.db + ")"
	}
	return "Open vSwitch at " + o.db
}
