package controller

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
)

// keeping is a host that keeps its share, with the NICs a1, which lets in TCP 80 from
// group db, a2, which is in db, and a3.
func keeping(t *testing.T) (*rig, *small.Policy) {
	t.Helper()
	r, p := newRig(t), small.New()
	r.keep, r.timing.sharePatience = filepath.Join(t.TempDir(), "share"), 100*time.Millisecond
	r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.NIC(3)), secgroup.Put(small.NIC(4)),
		secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("db", "a2")))...)
	rev := r.write(p.Rule("web", "r1", secgroup.Ingress, "tcp", 80, "db"))
	r.start()
	r.plugged(1, 2, 3)
	r.applied(rev, "a1", "a2", "a3")
	r.awaitKept()
	return r, p
}

// awaitKept waits until the share is in its file.
func (r *rig) awaitKept() {
	r.t.Helper()
	r.eventually(patience, "it is kept", func() string {
		if _, err := os.Stat(r.keep); err != nil {
			return err.Error()
		}
		if _, err := os.Stat(r.keep + ".ahead"); err == nil {
			return "not all of it"
		}
		return ""
	})
}

// reboot is the start of a host on which nothing runs and whose switch has nothing,
// while the store is away.
func (r *rig) reboot() {
	r.t.Helper()
	r.stop()
	times := func() int { return strings.Count(r.logs.String(), "connected to the switch") }
	before := times()
	r.way.cut()
	r.ovs.KillVswitchd()
	r.ovs.StartVswitchd()
	r.start()
	r.eventually(patience, "connected to the switch", func() string {
		if times() == before {
			return "not logged"
		}
		return ""
	})
}

// TestHostAloneWithABadFile: what is kept is not used if anything is wrong with it: the
// flows stay as they are, all of them or, after a start of the machine, none.
func TestHostAloneWithABadFile(t *testing.T) {
	r, _ := keeping(t)
	file, err := os.ReadFile(r.keep)
	if err != nil {
		t.Fatal(err)
	}
	file[len(file)-1] ^= 1
	if err := os.WriteFile(r.keep, file, 0o600); err != nil {
		t.Fatal(err)
	}
	flows := r.flows()
	r.stop()
	r.way.cut()
	r.start()
	r.logged("its checksum is wrong")
	r.stays(5*r.timing.sharePatience, "flows", func() string { return same(r.flows(), flows) })
	r.reboot()
	r.stays(5*r.timing.sharePatience, "no flows out of nothing", func() string { return same(r.flows(), nil) })
	if r.counter("share_stale") != 0 {
		t.Error("it calls stale what it does not enforce")
	}
	r.way.mend()
	r.applied(r.write(secgroup.Put(small.Attach("db", "a3"))), "a1", "a2", "a3")
	r.passes(3, 1, "tcp", 80)
}
