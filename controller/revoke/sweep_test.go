package revoke

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// fakeTracking is connection tracking in memory, which fails on demand.
type fakeTracking struct {
	mu    sync.Mutex
	conns []unixctl.Conn
	dumps int
	wrote int // connections that the switch wrote down for them
	fails error
	// unreachable is why the switch cannot reach its connections.
	unreachable error
	purge       func() // is called before megaflows are purged
}

func (f *fakeTracking) Kernel() bool { return false }

func (f *fakeTracking) FlushConntrack(context.Context, unixctl.Conn) error {
	return errors.New("nothing is deleted of the userspace datapath")
}

func (f *fakeTracking) CheckTracking(context.Context) error { return f.unreachable }

func (f *fakeTracking) DumpAllConntrack(context.Context) ([]unixctl.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dumps++
	f.wrote += len(f.conns)
	return slices.Clone(f.conns), f.fails
}

func (f *fakeTracking) DumpConntrack(_ context.Context, zone uint16) ([]unixctl.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dumps++
	of := slices.DeleteFunc(slices.Clone(f.conns), func(c unixctl.Conn) bool { return c.Zone != zone })
	f.wrote += len(of)
	return of, f.fails
}

// cut is cutConns.
func (f *fakeTracking) cut(_ context.Context, _ *ofconn.Conn, conns []unixctl.Conn, _ bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, c := range f.conns {
		if slices.Contains(conns, c) {
			f.conns[i].Labels[15] |= 1
		}
	}
	return f.fails
}

func (f *fakeTracking) FlushZone(_ context.Context, zone uint16) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns = slices.DeleteFunc(f.conns, func(o unixctl.Conn) bool { return o.Zone == zone })
	return f.fails
}

// settle ends with a purge of the megaflows.
func (f *fakeTracking) settle(context.Context, megaflow.Change) error {
	f.mu.Lock()
	purge := f.purge
	f.mu.Unlock()
	if purge != nil {
		purge()
	}
	return nil
}

func (f *fakeTracking) left() (zones []uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		if !ofrules.IsCut(c.Labels) {
			zones = append(zones, c.Zone)
		}
	}
	return zones
}

// sweeper returns one that sweeps it.
func (f *fakeTracking) sweeper(p Policy, j Judge, r Reporter) *Sweeper {
	s := NewSweeper(Config{
		Policy: p, Judge: j, Reporter: r, Tracking: func() Tracking { return f }, Settle: f.settle, Freed: func([]uint16) {}, Logger: slog.New(slog.DiscardHandler),
	})
	s.send = f.cut
	return s
}

// TestSweeperForgetsNothing: what a change may take away is looked for when the
// change is installed, however many attempts that takes, and its revision is
// claimed when that is done.
func TestSweeperForgetsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := small.New()
		host := &known{snap: policytest.Load(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.NIC(3)), secgroup.Put(small.Attach("web", "a2")), secgroup.Put(small.Attach("db", "a3"))))}
		pings := func(zones ...uint16) (conns []unixctl.Conn) {
			for _, zone := range zones { // from an address that nobody lets in
				conns = append(conns, unixctl.Conn{Proto: 1, Zone: zone, Orig: unixctl.Tuple{
					Src: small.Address4(99), Dst: small.Address4(int(zone)), ICMPType: 8, ICMPID: zone,
				}})
			}
			return conns
		}
		tracking := &fakeTracking{conns: pings(1, 2, 3)}
		report := &said{}
		s := tracking.sweeper(host, nil, report)
		sleep := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { _ = s.Run(ctx) })
		zones := inZones{"a1", "a2", "a3"}
		installed := func(rev int64) {
			s.Add(Job{Rev: rev, NICs: zones})
			synctest.Wait()
		}
		of := func(nics ...string) Work {
			return Work{Lost: LostNICs(nics...)}
		}
		expect := func(what string, rev int64, left ...uint16) {
			t.Helper()
			stands, _ := report.last()
			if got := tracking.left(); !slices.Equal(got, left) || stands.Whole.Rev != rev {
				t.Errorf("%s: connections in zones %v, revision %d", what, got, stands.Whole.Rev)
			}
		}
		installed(1)
		expect("nothing is of concern", 1, 1, 2, 3)
		s.Expect(of("a1"))
		synctest.Wait()
		expect("it is not installed yet", 1, 1, 2, 3)
		// The bundle fails here; the next step installs both.
		s.Expect(of("a2"))
		installed(3)
		expect("both are installed", 3, 3)

		tracking.mu.Lock()
		tracking.fails = errors.New("away")
		tracking.mu.Unlock()
		s.Expect(of("a3"))
		installed(4)
		expect("it could not look", 3, 3)
		installed(5)
		expect("nor with the next one", 3, 3)
		tracking.mu.Lock()
		tracking.fails = nil
		tracking.mu.Unlock()
		sleep(2 * sweepRetry)
		expect("it looks at last", 5)

		t.Log("what a change took away is looked at whatever the policy says since then of the NIC")
		tracking.conns = pings(1, 2)
		web := *p.Group["web"]
		web.Rules = []secgroup.Rule{{ID: "r", Direction: secgroup.Ingress, Protocol: "icmp", Enabled: true}}
		host.change(zones, secgroup.Put(&web))
		s.Expect(Work{Lost: host.change(zones, secgroup.Put(p.Group["web"]))})
		host.change(zones, secgroup.Delete(small.Attach("web", "a2").Key()))
		installed(5)
		expect("it is cut", 5, 1)
		tracking.conns = nil

		t.Log("what a slow thread lets in after flows went is found later")
		w := of("a1")
		w.Narrowed = true
		s.Expect(w)
		installed(5)
		purges := 0
		tracking.mu.Lock()
		tracking.conns = pings(1, 2)
		tracking.purge = func() { // what let it in still does, until it is purged
			tracking.mu.Lock()
			defer tracking.mu.Unlock()
			purges++
			tracking.conns = append(tracking.conns, pings(1)...)
		}
		tracking.mu.Unlock()
		sleep(lateLook)
		expect("that of the NIC concerned is cut", 5, 2)
		tracking.mu.Lock()
		if purges != 1 {
			t.Errorf("purged %d times, want once", purges)
		}
		tracking.mu.Unlock()

		t.Log("nothing is claimed at a switch that seems to have no connections")
		tracking.unreachable = errors.New("no such protocol")
		s.Add(Job{Rev: 6, Conn: new(ofconn.Conn)})
		synctest.Wait()
		expect("its connections cannot be judged", 0, 2)
		if _, problem := report.last(); !errors.Is(problem, tracking.unreachable) {
			t.Errorf("problem %v", problem)
		}
		cancel()
		work.Wait()
	})
}
