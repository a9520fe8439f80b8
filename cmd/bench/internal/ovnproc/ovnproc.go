// Package ovnproc runs OVN on a private Open vSwitch: its two databases, ovn-northd and
// ovn-controller, with every file and socket of theirs among the switch's.
package ovnproc

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ringfence/ringfence/internal/ovsproc"
	"github.com/ringfence/ringfence/internal/stack"
)

// OVN is a running one.
type OVN struct {
	ovs     *ovsproc.Proc
	daemons []*stack.Process // in the order of their start
	alive   context.Context  // it ends when a daemon does, and its cause says which
	ended   context.CancelCauseFunc
}

// Start starts all but ovn-controller.
func Start(ctx context.Context, ovs *ovsproc.Proc) (*OVN, error) {
	o := &OVN{ovs: ovs}
	o.alive, o.ended = context.WithCancelCause(context.WithoutCancel(ctx))
	for _, name := range []string{"nb", "sb"} {
		file := filepath.Join(ovs.RunDir(), name+".db")
		if _, err := ovs.Run(ctx, "ovsdb-tool", "create", file, "/usr/share/ovn/ovn-"+name+".ovsschema"); err != nil {
			return nil, errors.Join(err, o.Close())
		}
		if err := o.start("ovsdb-"+name, "ovsdb-server", file, "--remote=p"+o.database(name), "--unixctl="+filepath.Join(ovs.RunDir(), name+".ctl"), "-vconsole:off", "-vsyslog:off"); err != nil {
			return nil, errors.Join(err, o.Close())
		}
	}
	if err := o.start("ovn-northd", "ovn-northd", "--ovnnb-db="+o.database("nb"), "--ovnsb-db="+o.database("sb"), "--unixctl="+filepath.Join(ovs.RunDir(), "northd.ctl"), "-vconsole:off", "-vsyslog:off"); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// StartController starts ovn-controller, which programs a bridge. The policy is to be there
// first: when it came while ovn-controller 23.03 ran, that ended.
func (o *OVN) StartController(ctx context.Context, bridge string) error {
	if err := o.ovs.Commit(ctx, ovsproc.NewChange().Set("Open_vSwitch", ".", "external_ids:system-id=host", "external_ids:hostname=host", "external_ids:ovn-remote="+o.database("sb"),
		"external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip=127.0.0.1", "external_ids:ovn-bridge="+bridge)); err != nil {
		return err
	}
	return o.start("ovn-controller", "ovn-controller", o.ovs.DBAddr(), "-vconsole:info", "-vsyslog:off")
}

func (o *OVN) start(name string, args ...string) error {
	env := []string{"OVS_RUNDIR=" + o.ovs.RunDir(), "OVN_RUNDIR=" + o.ovs.RunDir()}
	d, err := stack.StartProcess(name, filepath.Join(o.ovs.LogDir(), name+".log"), "env", append(env, args...)...)
	if err != nil {
		return err
	}
	o.daemons = append(o.daemons, d)
	go func() {
		<-d.Done()
		o.ended(fmt.Errorf("%s has ended: %s", name, d.Log()))
	}()
	return nil
}

// died says which daemon has ended, if one has.
func (o *OVN) died() error { return context.Cause(o.alive) }

// database is the address of the database "nb" or "sb".
func (o *OVN) database(name string) string {
	return "unix:" + filepath.Join(o.ovs.RunDir(), name+".sock")
}

// Nbctl runs ovn-nbctl(8) on the northbound database.
func (o *OVN) Nbctl(ctx context.Context, args ...string) error {
	_, err := o.ovs.Run(ctx, "ovn-nbctl", append([]string{"--db=" + o.database("nb"), "--timeout=180"}, args...)...)
	return err
}

// Close ends all that was started, the switch apart.
func (o *OVN) Close() error {
	var errs []error
	for _, d := range o.daemons {
		errs = append(errs, d.Kill())
	}
	return errors.Join(errs...)
}

// PID is the process id of a daemon: "ovsdb-nb", "ovsdb-sb", "ovn-northd" or "ovn-controller".
// It is 0 if that was not started.
func (o *OVN) PID(name string) int {
	for _, d := range o.daemons {
		if d.Name == name {
			return d.PID()
		}
	}
	return 0
}
