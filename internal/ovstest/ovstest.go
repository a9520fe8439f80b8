// Package ovstest gives a test a private Open vSwitch in a temporary
// directory, stopped when the test ends. Tests that use it may run in parallel.
package ovstest

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/ovsproc"
)

// patience limits each step: a loaded machine is slow, a stuck one is a failure.
const patience = 60 * time.Second

// Options say which switch to start.
type Options struct {
	// Datapath is "dummy" (the default: no devices, packets are injected) or
	// "netdev" (the userspace datapath on real devices).
	Datapath string
	// Netns is the path of the network namespace ovs-vswitchd runs in, such as
	// /run/netns/h1. Empty: a new one of its own.
	Netns string
}

// OVS is the private switch of one test. Its helpers fail the test on error.
type OVS struct {
	*ovsproc.Proc
	RunDir string // OVS_RUNDIR
	DBSock string // path of the database socket
	DBAddr string // "unix:" + DBSock

	t        testing.TB
	datapath string
}

// Start starts ovsdb-server and ovs-vswitchd; both end with the test.
func Start(tb testing.TB, o Options) *OVS {
	tb.Helper()
	switch o.Datapath {
	case "":
		o.Datapath = "dummy"
	case "dummy", "netdev":
	default:
		tb.Fatalf("ovstest: datapath %q is neither dummy nor netdev", o.Datapath)
	}
	// Not t.TempDir: its name holds the test's, and socket paths are short.
	dir, err := os.MkdirTemp("/tmp", "ovs")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := ovsproc.Start(ctx, ovsproc.Config{Dir: dir, Netns: o.Netns, PrivateNetns: o.Netns == "", Dummy: true})
	if err != nil {
		tb.Fatal(err)
	}
	v := &OVS{Proc: p, RunDir: p.RunDir(), DBSock: p.DBSock(), DBAddr: p.DBAddr(), t: tb, datapath: o.Datapath}
	tb.Cleanup(func() {
		if tb.Failed() {
			v.logTail()
		}
		if err := p.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return v
}

// AddBridge adds a bridge that drops everything until it has flows
// (fail_mode=secure) and that speaks OpenFlow 1.0, 1.3 and 1.5.
func (v *OVS) AddBridge(name string) {
	v.t.Helper()
	v.commit(ovsproc.NewChange().AddBridge(ovsproc.Bridge{
		Name: name, Datapath: v.datapath, FailMode: "secure", Protocols: []string{"OpenFlow10", "OpenFlow13", "OpenFlow15"},
	}))
}

// AddPort adds an interface with the given ofport. On the dummy datapath it is
// of type dummy, on netdev the system's device of that name. An empty ifaceID
// sets none. More settings are columns of Interface, such as "type=internal".
func (v *OVS) AddPort(bridge, name string, ofport uint32, ifaceID string, settings ...string) {
	v.t.Helper()
	want := strconv.FormatUint(uint64(ofport), 10)
	p := ovsproc.Port{Name: name, OFPort: ofport}
	if v.datapath == "dummy" {
		p.Type = "dummy"
	}
	if ifaceID != "" {
		p.ExternalIDs = map[string]string{"iface-id": ifaceID}
	}
	v.commit(ovsproc.NewChange().AddPort(bridge, p).Set("Interface", name, settings...))
	if got := v.Get("Interface", name, "ofport"); got != want {
		v.t.Fatalf("ovstest: port %s of %s has ofport %s, want %s: %s", name, bridge, got, want, v.Get("Interface", name, "error"))
	}
}

func (v *OVS) commit(c *ovsproc.Change) {
	v.t.Helper()
	v.step(func(ctx context.Context) error { return v.Commit(ctx, c) })
}

// Get reads a column, or "column:key", of the row of that name; one that is not set is "".
func (v *OVS) Get(table, name, column string) (value string) {
	v.t.Helper()
	v.step(func(ctx context.Context) (err error) {
		value, err = v.Proc.Get(ctx, table, name, column)
		return err
	})
	return value
}

// Vsctl runs ovs-vsctl and returns its output.
func (v *OVS) Vsctl(args ...string) string {
	v.t.Helper()
	return v.run(v.Proc.Vsctl, args)
}

// Ofctl runs ovs-ofctl with OpenFlow 1.5 and returns its output.
func (v *OVS) Ofctl(args ...string) string {
	v.t.Helper()
	return v.run(v.Proc.Ofctl, args)
}

// Appctl runs ovs-appctl on ovs-vswitchd and returns its output.
func (v *OVS) Appctl(args ...string) string {
	v.t.Helper()
	return v.run(v.Proc.Appctl, args)
}

// Trace runs ofproto/trace, for example Trace("br-int", "in_port=1,ip").
func (v *OVS) Trace(bridge, flow string, args ...string) string {
	v.t.Helper()
	return v.Appctl(append([]string{"ofproto/trace", bridge, flow}, args...)...)
}

// KillVswitchd ends ovs-vswitchd with SIGKILL.
func (v *OVS) KillVswitchd() {
	v.t.Helper()
	v.check(v.Proc.KillVswitchd())
}

// StartVswitchd starts ovs-vswitchd again after KillVswitchd.
func (v *OVS) StartVswitchd() {
	v.t.Helper()
	v.step(v.Proc.StartVswitchd)
}

// RestartVswitchd ends ovs-vswitchd in order and starts it again.
func (v *OVS) RestartVswitchd() {
	v.t.Helper()
	v.step(v.Proc.RestartVswitchd)
}

// KillOVSDB ends ovsdb-server with SIGKILL.
func (v *OVS) KillOVSDB() {
	v.t.Helper()
	v.check(v.Proc.KillOVSDB())
}

// StartOVSDB starts ovsdb-server again after KillOVSDB.
func (v *OVS) StartOVSDB() {
	v.t.Helper()
	v.step(v.Proc.StartOVSDB)
}

func (v *OVS) run(tool func(context.Context, ...string) (string, error), args []string) string {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := tool(ctx, args...)
	if err != nil {
		v.t.Fatal(err)
	}
	return out
}

func (v *OVS) step(f func(context.Context) error) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	v.check(f(ctx))
}

func (v *OVS) check(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// logTail shows the end of ovs-vswitchd's log beside a failure.
func (v *OVS) logTail() {
	b, err := os.ReadFile(v.LogDir() + "/ovs-vswitchd.log")
	if err != nil {
		v.t.Log(err)
		return
	}
	const most = 2000
	v.t.Logf("end of ovs-vswitchd.log:\n%s", b[max(0, len(b)-most):])
}
