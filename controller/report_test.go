package controller

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringfence/ringfence/controller/revoke"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/store"
)

// board keeps reports and when they came, and fails on demand.
type board struct {
	mu      sync.Mutex
	reports []store.HostStatus
	at      []time.Time
	fails   error
}

func (b *board) PutHost(_ context.Context, h store.HostStatus) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails == nil {
		b.reports, b.at = append(b.reports, h), append(b.at, time.Now())
	}
	return b.fails
}

func (b *board) last() (store.HostStatus, int, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.reports)
	if n == 0 {
		return store.HostStatus{}, 0, time.Time{}
	}
	return b.reports[n-1], n, b.at[n-1]
}

// reporting runs a reporter in a bubble of fake time.
func reporting(t *testing.T, test func(t *testing.T, r *reporter, b *board)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		cfg := Config{Host: "h1", Reports: b}
		r := newReporter(cfg, slog.New(slog.DiscardHandler), newMetrics(nil))
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { _ = r.run(ctx) })
		test(t, r, b)
		cancel()
		work.Wait()
	})
}

// formerly says what the host's last report was, before this controller.
type formerly struct {
	mu   sync.Mutex
	nics []store.HostNIC
	err  error
}

func (f *formerly) Plugged(context.Context, string) ([]store.HostNIC, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.nics, f.err
}

func (f *formerly) set(nics []store.HostNIC, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nics, f.err = nics, err
}

// A host of which it is not known yet what is plugged there is not said to have
// nothing: a change would be said to be in force that its VMs do not know.
func TestReportBeforeTheNICsAreKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, f := &board{}, &formerly{err: store.ErrUnavailable}
		r := newReporter(Config{Host: "h1", Reports: b, Peers: f}, slog.New(slog.DiscardHandler), newMetrics(nil))
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { _ = r.run(ctx) })
		defer work.Wait()
		defer cancel()
		sleep(2 * firstWord)
		if _, n, _ := b.last(); n != 0 {
			t.Errorf("%d reports while it cannot be found out", n)
		}
		f.set([]store.HostNIC{{ID: "a", OFPort: 3, Ready: true, Applied: 7}}, nil)
		sleep(heartbeat)
		if h, n, _ := b.last(); n == 0 || len(h.NICs) != 1 || h.NICs[0].ID != "a" || h.NICs[0].Ready || h.NICs[0].Applied != 0 || h.NICs[0].Error == "" {
			t.Errorf("report %d: %+v", n, h)
		}
		r.plugged(true, map[string]*nicReport{"b": {ofport: 1}})
		sleep(time.Second)
		if h, _, _ := b.last(); len(h.NICs) != 1 || h.NICs[0].ID != "b" {
			t.Errorf("when they are known: %+v", h)
		}
	})
}

func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

var (
	noFlows = map[string]*nicReport{"a": {ofport: 1}}
	atPort  = map[string]*nicReport{"a": {ofport: 1, installed: true, since: 3}}
)

// What began is told with a report that is made anyway: nobody writes for it.
func TestWhatBeganCostsNoReport(t *testing.T) {
	reporting(t, func(t *testing.T, r *reporter, b *board) {
		r.plugged(true, noFlows)
		sleep(time.Second)
		_, before, _ := b.last()
		since := time.Now()
		for i := range uint64(10) {
			r.begun(map[string]uint64{"acme": i}, since)
			sleep(100 * time.Millisecond)
		}
		if _, n, _ := b.last(); n != before {
			t.Errorf("%d reports more", n-before)
		}
		sleep(heartbeat)
		if last, _, _ := b.last(); last.Begun["acme"] != 9 || !last.BegunSince.Equal(since) {
			t.Errorf("the sign of life tells of %v since %v", last.Begun, last.BegunSince)
		}
	})
}

func TestReportsWaitForNICs(t *testing.T) {
	reporting(t, func(t *testing.T, r *reporter, b *board) {
		conn := &ofconn.Conn{}
		r.connection(conn)
		r.problem("bridge", errors.New("none"))
		r.Settled(conn, 3)
		sleep(firstWord / 2)
		if _, n, _ := b.last(); n != 0 {
			t.Error("it reports before it knows anything")
		}
		r.plugged(false, atPort)
		sleep(soon)
		if h, n, _ := b.last(); n != 1 || len(h.NICs) != 1 || !h.NICs[0].Ready || !slices.Equal(h.Errors, []string{"bridge: none"}) {
			t.Errorf("%d reports, the last %+v", n, h)
		}
	})
}

func TestReportsOfAHostWithoutSwitch(t *testing.T) {
	reporting(t, func(t *testing.T, r *reporter, b *board) {
		r.problem("bridge", errors.New("none"))
		sleep(firstWord)
		if h, n, _ := b.last(); n != 1 || len(h.Errors) != 1 || h.Connected {
			t.Errorf("%d reports, the last %+v", n, h)
		}
	})
}

func TestReportsAreTimely(t *testing.T) {
	reporting(t, func(t *testing.T, r *reporter, b *board) {
		conn := &ofconn.Conn{}
		r.connection(conn)
		r.plugged(true, noFlows)
		sleep(time.Second)
		reported := func(what string, rev int64, within time.Duration) {
			t.Helper()
			start := time.Now()
			_, before, _ := b.last()
			sleep(time.Second)
			h, n, at := b.last()
			if h.Applied != rev || n != before+1 || at.Sub(start) > within {
				t.Errorf("%s: %d reports after %v, the last %+v", what, n-before, at.Sub(start), h)
			}
		}
		r.flows(7)
		r.Applied(revoke.Job{Conn: conn, Rev: 1, Mark: ""}, false)
		reported("what did something, with all else", 1, 0)
		r.Applied(revoke.Job{Conn: conn, Rev: 2, Mark: ""}, true)
		r.Applied(revoke.Job{Conn: conn, Rev: 3, Mark: ""}, true)
		reported("what did nothing, together", 3, lazily)
		r.Applied(revoke.Job{Conn: conn, Rev: 4, Mark: ""}, true)
		r.Applied(revoke.Job{Conn: conn, Rev: 5, Mark: ""}, false)
		reported("what did something takes the others along", 5, 0)
		r.plugged(false, atPort)
		r.Settled(conn, 3)
		reported("a NIC that is ready", 5, soon)
		r.plugged(false, map[string]*nicReport{"a": {ofport: 1, problem: "refused", since: 3}})
		reported("a NIC that is ready no more", 5, soon)
		if h, _, _ := b.last(); h.NICs[0].Ready || h.NICs[0].Error != "refused" {
			t.Errorf("NIC %+v", h.NICs[0])
		}
		r.plugged(false, atPort)
		reported("a NIC that is ready again", 5, soon)

		t.Log("nothing new, nothing said but for the heartbeat")
		_, before, _ := b.last()
		r.Applied(revoke.Job{Conn: conn, Rev: 5, Mark: ""}, false)
		r.plugged(false, atPort)
		sleep(heartbeat - 2*time.Second)
		if _, n, _ := b.last(); n != before {
			t.Errorf("%d reports", n-before)
		}
		sleep(3 * time.Second)
		if h, n, at := b.last(); n != before+1 || h.Heartbeat != at || h.NICs[0].Applied != 5 {
			t.Errorf("%d reports, the last %+v", n-before, h)
		}

		t.Log("a storm is gathered")
		_, before, _ = b.last()
		for rev := range int64(1000) {
			r.Applied(revoke.Job{Conn: conn, Rev: 10 + rev, Mark: ""}, false)
			time.Sleep(time.Millisecond)
		}
		sleep(time.Second)
		if h, n, _ := b.last(); h.Applied != 1009 || n-before > 300 {
			t.Errorf("%d reports, the last of %d", n-before, h.Applied)
		}
	})
}

func TestReportsOfAnotherConnection(t *testing.T) {
	reporting(t, func(t *testing.T, r *reporter, b *board) {
		old, now := &ofconn.Conn{}, &ofconn.Conn{}
		r.connection(old)
		r.plugged(true, noFlows)
		r.Applied(revoke.Job{Conn: old, Rev: 5, Mark: ""}, false)
		sleep(time.Second)
		r.connection(nil)
		sleep(time.Second)
		if h, _, _ := b.last(); h.Applied != 0 || h.Connected {
			t.Errorf("without a switch %+v", h)
		}
		r.connection(now)
		r.Applied(revoke.Job{Conn: old, Rev: 6, Mark: ""}, false) // a sweep of before
		r.Settled(old, 3)
		r.plugged(false, atPort)
		sleep(time.Second)
		if h, _, _ := b.last(); h.Applied != 0 || !h.Connected || h.NICs[0].Ready {
			t.Errorf("with another switch %+v", h)
		}
		r.Applied(revoke.Job{Conn: now, Rev: 5, Mark: ""}, false)
		sleep(time.Second)
		if h, _, _ := b.last(); h.Applied != 5 {
			t.Errorf("at last %+v", h)
		}
	})
}

func TestReportsSurviveALostStore(t *testing.T) {
	reporting(t, func(t *testing.T, r *reporter, b *board) {
		conn := &ofconn.Conn{}
		r.connection(conn)
		b.fails = errors.New("lost")
		r.plugged(true, noFlows)
		r.Applied(revoke.Job{Conn: conn, Rev: 5, Mark: ""}, false)
		sleep(10 * time.Second)
		b.mu.Lock()
		b.fails = nil
		b.mu.Unlock()
		sleep(reportRetry)
		if h, n, _ := b.last(); n != 1 || h.Applied != 5 {
			t.Errorf("%d reports, the last %+v", n, h)
		}
	})
}
