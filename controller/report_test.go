package controller

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
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
	log     bytes.Buffer // of the reporter, for when it rests
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
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		cfg := Config{Host: "h1", Reports: b}
		r := newReporter(cfg, slog.New(slog.NewTextHandler(&b.log, nil)), newMetrics(nil))
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
		sleep(2 * firstReportAfter)
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

// standsAt is a host all of whose NICs are at a revision and a step.
func standsAt(conn *ofconn.Conn, rev int64, step uint64) revoke.Standing {
	at := revoke.At{Rev: rev, Step: step}
	return revoke.Standing{Conn: conn, Whole: at, Latest: at}
}

// The log of a host says which revisions it went to, and not each of those that follow
// each other faster than anybody reads.
func TestTheLogTellsOfRevisions(t *testing.T) {
	reporting(t, func(t *testing.T, r *reporter, b *board) {
		conn := new(ofconn.Conn)
		r.connection(conn)
		r.plugged(true, atPort)
		for rev := int64(4); rev < 40; rev++ {
			r.Standing(standsAt(conn, rev, uint64(rev)), revoke.Done)
			sleep(50 * time.Millisecond)
		}
		sleep(2 * heartbeat)
		var told []string
		for line := range strings.Lines(b.log.String()) {
			if _, at, is := strings.Cut(line, `msg="the policy is in force" revision=`); is {
				told = append(told, strings.TrimSpace(at))
			}
		}
		if n := len(told); n < 2 || n > 4 || !strings.HasPrefix(told[n-1], "39 before=") {
			t.Errorf("told of %q", told)
		}
	})
}

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
		r.Standing(standsAt(conn, 0, 3), revoke.Done)
		sleep(firstReportAfter / 2)
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
		sleep(firstReportAfter)
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
		reported := func(what string, rev int64, within time.Duration, news func()) {
			t.Helper()
			start := time.Now()
			_, before, _ := b.last() // reports of the news may be made at once
			news()
			sleep(time.Second)
			h, n, at := b.last()
			if h.Applied != rev || n != before+1 || at.Sub(start) > within {
				t.Errorf("%s: %d reports after %v, the last %+v", what, n-before, at.Sub(start), h)
			}
		}
		reported("what did something, with all else", 1, 0, func() {
			r.flows(7)
			r.Standing(standsAt(conn, 1, 0), revoke.Done)
		})
		reported("what did nothing, together", 3, lazily, func() {
			r.Standing(standsAt(conn, 2, 0), revoke.NothingChanged)
			r.Standing(standsAt(conn, 3, 0), revoke.NothingChanged)
		})
		reported("what did something takes the others along", 5, 0, func() {
			r.Standing(standsAt(conn, 4, 0), revoke.NothingChanged)
			r.Standing(standsAt(conn, 5, 0), revoke.Done)
		})
		reported("a NIC that is ready", 5, soon, func() {
			r.plugged(false, atPort)
			r.Standing(standsAt(conn, 5, 3), revoke.Done)
		})
		reported("a NIC that is ready no more", 5, soon, func() {
			r.plugged(false, map[string]*nicReport{"a": {ofport: 1, problem: "refused", since: 3}})
		})
		if h, _, _ := b.last(); h.NICs[0].Ready || h.NICs[0].Error != "refused" {
			t.Errorf("NIC %+v", h.NICs[0])
		}
		reported("a NIC that is ready again", 5, soon, func() { r.plugged(false, atPort) })

		t.Log("nothing new, nothing said but for the heartbeat")
		_, before, _ := b.last()
		r.Standing(standsAt(conn, 5, 3), revoke.Done)
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
			r.Standing(standsAt(conn, 10+rev, 3), revoke.Done)
			time.Sleep(time.Millisecond)
		}
		sleep(time.Second)
		if h, n, _ := b.last(); h.Applied != 1009 || n-before > 300 {
			t.Errorf("%d reports, the last of %d", n-before, h.Applied)
		}
	})
}

// A NIC whose connections are still being judged is where it was, and the others are
// not held up. What is in force for some is told a moment later, as it may be for all
// by then.
func TestReportsOfASweep(t *testing.T) {
	reporting(t, func(t *testing.T, r *reporter, b *board) {
		conn := &ofconn.Conn{}
		r.connection(conn)
		r.plugged(true, map[string]*nicReport{"a": {ofport: 1, installed: true, since: 3}, "b": {ofport: 2, installed: true, since: 3}, "c": {ofport: 3, installed: true, since: 5}})
		r.Standing(standsAt(conn, 4, 3), revoke.Done)
		sleep(time.Second)
		_, before, _ := b.last()
		s := standsAt(conn, 4, 3)
		s.Latest = revoke.At{Rev: 7, Mark: "m7", Step: 5}
		s.Behind = map[string]revoke.At{"a": {Rev: 4, Step: 3}}
		r.Standing(s, revoke.Partly)
		r.Standing(standsAt(conn, 7, 5), revoke.Done)
		sleep(time.Second)
		if h, n, _ := b.last(); n != before+1 || h.Applied != 7 || h.NICs[0].Applied != 7 {
			t.Errorf("what is over at once: %d reports, the last %+v", n-before, h)
		}
		s.Whole, s.Latest = revoke.At{Rev: 7, Step: 5}, revoke.At{Rev: 9, Mark: "m9", Step: 6}
		s.Behind = map[string]revoke.At{"a": {Rev: 7, Step: 5}, "c": {Rev: 8, Step: 4}}
		start := time.Now()
		r.Standing(s, revoke.Partly)
		sleep(time.Second)
		h, n, at := b.last()
		if n != before+2 || at.Sub(start) != partly || h.Applied != 7 || h.Latest != 9 || h.LatestMark != "m9" {
			t.Errorf("while it goes on: %d reports, the last after %v: %+v", n-before, at.Sub(start), h)
		}
		if a, b, c := h.NICs[0], h.NICs[1], h.NICs[2]; !a.Ready || a.Applied != 7 || !b.Ready || b.Applied != 9 || c.Ready || c.Applied != 0 {
			t.Errorf("NICs %+v", h.NICs)
		}
	})
}

func TestReportsOfAnotherConnection(t *testing.T) {
	reporting(t, func(t *testing.T, r *reporter, b *board) {
		old, now := &ofconn.Conn{}, &ofconn.Conn{}
		r.connection(old)
		r.plugged(true, noFlows)
		r.Standing(standsAt(old, 5, 0), revoke.Done)
		sleep(time.Second)
		r.connection(nil)
		sleep(time.Second)
		if h, _, _ := b.last(); h.Applied != 0 || h.Connected {
			t.Errorf("without a switch %+v", h)
		}
		r.connection(now)
		r.Standing(standsAt(old, 6, 0), revoke.Done) // a sweep of before
		r.Standing(standsAt(old, 6, 3), revoke.Done)
		r.plugged(false, atPort)
		sleep(time.Second)
		if h, _, _ := b.last(); h.Applied != 0 || !h.Connected || h.NICs[0].Ready {
			t.Errorf("with another switch %+v", h)
		}
		r.Standing(standsAt(now, 5, 0), revoke.Done)
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
		r.Standing(standsAt(conn, 5, 0), revoke.Done)
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
