package controller

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/controller/whole"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

// fullHost is an engine without a switch, on a host of so many NICs, ten in each
// network.
type fullHost struct {
	*engine
	policy *whole.Policy
	nics   []ovsdb.Interface
}

func newFullHost(tb testing.TB, n int) *fullHost {
	tb.Helper()
	c := newController(Config{
		Host: hostName, Bridge: bridge, RunDir: tb.TempDir(), Logger: slog.New(slog.DiscardHandler),
		NICConnections: 1000,
	})
	tb.Cleanup(func() { c.ctl.Close() })
	c.zones.write = func(context.Context, map[string]string) error { return nil }
	c.zones.flush = func(context.Context, uint16) error { return nil }
	policy := whole.New(quiet{}, c.cfg.Host)
	c.cfg.Share = policy
	_ = policy.Follow(tb.Context(), c.share)
	e := &fullHost{engine: newEngine(c), policy: policy}
	e.limits.set = func(context.Context, ...unixctl.ZoneLimit) error { return nil }
	group := &secgroup.Group{GroupRef: secgroup.GroupRef{Account: "acme", ID: "g"}, Name: "default", IsDefault: true}
	changes := []secgroup.Change{secgroup.Put(group)}
	e.ports.byName = map[string][]uint32{}
	for i := range n {
		network := fmt.Sprintf("net%d", i/10)
		if i%10 == 0 {
			net := &secgroup.Network{ID: network, Type: secgroup.NetworkVPC, VPC: network}
			net.Normalize()
			changes = append(changes, secgroup.Put(net))
		}
		id := fmt.Sprintf("nic%d", i)
		changes = append(changes, secgroup.Put(&secgroup.NIC{
			ID: id, Account: "acme", Network: network, MAC: secgroup.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)},
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(i%10 + 1)})},
		}))
		port := ovsdb.Interface{UUID: ovsdb.UUID(id), Name: fmt.Sprintf("p%d", i), IfaceID: id, OFPort: uint32(i + 1)}
		e.nics = append(e.nics, port)
		e.ports.byName[port.Name] = []uint32{port.OFPort, port.OFPort + 20000}
	}
	if err := e.policy.Handle(tb.Context(), store.Batch{Revision: 1, Full: policytest.LoadAt(1, changes)}); err != nil {
		tb.Fatal(err)
	}
	e.plugs.update(ovsdb.Change{Bridge: ovsdb.Bridge{Exists: true}, Set: e.nics})
	e.turn(tb)
	return e
}

// turn is what a step does but for the switch.
func (e *fullHost) turn(tb testing.TB) {
	tb.Helper()
	e.steps++
	in, err := e.readBridge(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	if err := e.limits.apply(tb.Context(), in.zonesLooked()...); err != nil {
		tb.Fatal(err)
	}
	if _, loaded := e.compile(in); !loaded {
		tb.Fatal("there is no policy")
	}
	e.shown.add(in, e.tables.desired.compiler.Resynced())
	e.shown.installed = e.steps
	e.reportNICs(in)
	left, _ := e.zones.vacated()
	e.sweeper.Add(revoke.Job{Conn: e.conn, NICs: in.zones, Step: e.steps, Vacated: left})
	e.report.Standing(revoke.Standing{Conn: e.conn, Latest: revoke.At{Step: e.steps}}, revoke.Done)
}

// move has a NIC change its ofport.
func (e *fullHost) move(tb testing.TB) {
	tb.Helper()
	one := &e.nics[len(e.nics)/2]
	if one.OFPort > 20000 {
		one.OFPort -= 20000
	} else {
		one.OFPort += 20000
	}
	e.plugs.update(ovsdb.Change{Bridge: ovsdb.Bridge{Exists: true}, Set: []ovsdb.Interface{*one}})
	e.turn(tb)
}

// replug has a NIC go and come back.
func (e *fullHost) replug(tb testing.TB) {
	tb.Helper()
	one := e.nics[len(e.nics)/2]
	e.plugs.update(ovsdb.Change{Bridge: ovsdb.Bridge{Exists: true}, Gone: []ovsdb.Interface{one}})
	e.turn(tb)
	left, _ := e.zones.vacated()
	e.zones.freed(left)
	e.plugs.update(ovsdb.Change{Bridge: ovsdb.Bridge{Exists: true}, Set: []ovsdb.Interface{one}})
	e.turn(tb)
}

// edit has the policy change, of no concern to any NIC.
func (e *fullHost) edit(tb testing.TB) {
	tb.Helper()
	group := &secgroup.Group{GroupRef: secgroup.GroupRef{Account: "other", ID: "g"}, Name: "g"}
	if err := e.policy.Handle(tb.Context(), store.Batch{Revision: 2, Changes: []secgroup.Change{secgroup.Put(group)}}); err != nil {
		tb.Fatal(err)
	}
	e.turn(tb)
}

// BenchmarkStep measures a change of one NIC, and one of the policy, by how many
// NICs the host has.
func BenchmarkStep(b *testing.B) {
	for _, n := range []int{2000, 10000} {
		e := newFullHost(b, n)
		for _, kind := range []struct {
			name   string
			change func(testing.TB)
		}{{"a NIC changes", e.move}, {"a NIC goes and comes", e.replug}, {"the policy changes", e.edit}} {
			b.Run(fmt.Sprintf("%s/%d NICs", kind.name, n), func(b *testing.B) {
				b.ReportAllocs()
				spent := processorTime(b)
				for b.Loop() {
					kind.change(b)
				}
				b.ReportMetric(float64(processorTime(b)-spent)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// processorTime is what this process has used so far, in ns: other than the time
// it does not depend on what else the machine does.
func processorTime(tb testing.TB) int64 {
	tb.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// A step allocates as much on a host of 4,000 NICs as on one of 200, but for the
// depth of a tree. BenchmarkStep has the times.
func TestAStepCostsTheSameAmongMany(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine: nothing for the race detector")
	}
	few, many := newFullHost(t, 200), newFullHost(t, 4000)
	for name, change := range map[string]func(*fullHost){
		"a NIC changes":        func(e *fullHost) { e.move(t) },
		"a NIC goes and comes": func(e *fullHost) { e.replug(t) },
		"the policy changes":   func(e *fullHost) { e.edit(t) },
	} {
		cost := func(e *fullHost) uint64 {
			const steps = 50
			change(e)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range steps {
				change(e)
			}
			runtime.ReadMemStats(&after)
			return (after.TotalAlloc - before.TotalAlloc) / steps
		}
		if a, b := cost(few), cost(many); b > a+a/2 {
			t.Errorf("%s: %d bytes among 200 NICs, %d among 4,000", name, a, b)
		}
	}
}
