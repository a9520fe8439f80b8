package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// TestDriftIsJudged: what a foreign flow let in is cut when the flow is gone.
func TestDriftIsJudged(t *testing.T) {
	r, _ := settled(t)
	open, sneaked := tcp(2, 1, 80), tcp(3, 1, 81)
	r.open(open)
	intrude := func() {
		r.ovs.Ofctl("add-flow", bridge, "cookie=0x17,table=80,priority=60000,tcp,tp_dst=81,actions=resubmit(,95)")
	}
	r.stop() // or it would be too fast to sneak anything in
	intrude()
	r.open(sneaked)
	// The loop waits at its next turn where somebody takes it up.
	hold, release := make(chan struct{}), make(chan struct{})
	r.turned = func() {
		select {
		case hold <- struct{}{}:
			<-release
		default:
		}
	}
	r.start()
	r.eventually(patience, "cut", func() string {
		if r.cutIn(sneaked) == 0 {
			return fmt.Sprint(r.entries(sneaked))
		}
		return ""
	})
	r.isOpen(open)
	t.Log("also while a controller looks on")
	repaired := r.counter("drift_repaired_total")
	<-hold
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free) // before the controller is stopped
	intrude()
	later := sneaked
	later.sport++
	r.eventually(patience, "sneaked in", func() string {
		if r.send(later); len(r.entries(later)) < 2 {
			return fmt.Sprint(r.entries(later))
		}
		return ""
	})
	free()
	r.promptly("repaired and cut", func() string {
		if r.counter("drift_repaired_total") == repaired || r.cutIn(later) == 0 {
			return fmt.Sprint(r.entries(later))
		}
		return ""
	})
	r.isOpen(open)
}

// TestAudit: reading all back loses nothing that somebody does meanwhile, and
// disturbs nothing.
func TestAudit(t *testing.T) {
	r := newRig(t)
	r.timing.audit = 5 * time.Millisecond
	var turns atomic.Int64
	r.turned = func() { turns.Add(1) }
	p := small.New()
	rev := r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)))...)
	r.start()
	r.plugged(1, 2)
	r.applied(rev)
	want := r.flows()
	watch := r.watch()
	before := turns.Load()
	r.eventually(patience, "all is read some times more", func() string {
		if n := turns.Load() - before; n < 40 { // two for each time
			return fmt.Sprintf("%d turns", n)
		}
		return ""
	})
	if events := watch.Events(); len(events) > 0 || r.counter("drift_repaired_total") > 0 {
		t.Errorf("%d flows changed: %v", len(events), events)
	}
	sweeps := r.counter("sweep_seconds")
	var work sync.WaitGroup
	for _, table := range []int{0, 10, 50, 60, 70} {
		work.Go(func() {
			for i := range 10 {
				switch i % 3 {
				case 0:
					r.ovs.Ofctl("del-flows", bridge, fmt.Sprintf("table=%d", table))
				case 1:
					r.ovs.Ofctl("add-flow", bridge, fmt.Sprintf("cookie=0x17,table=%d,priority=9,ip,in_port=3,actions=drop", table|1))
				case 2:
					r.ovs.Ofctl("mod-flows", bridge, fmt.Sprintf("table=%d,actions=drop", table))
				}
			}
		})
	}
	work.Wait()
	ours := func() []string {
		return slices.DeleteFunc(r.flows(), func(f string) bool { return strings.Contains(f, "cookie=0x17") })
	}
	r.promptly("all is right again", func() string { return same(ours(), want) })
	if r.counter("sweep_seconds") == sweeps {
		t.Error("connections were not judged again")
	}
}

// heldBack is a source and its handler, which hands nothing on until it is let go.
type heldBack struct {
	share.Source
	mu    sync.Mutex
	to    share.Handler
	queue []share.Update
	free  bool
}

func (s *heldBack) Follow(ctx context.Context, h share.Handler) error {
	s.mu.Lock()
	s.to = h
	s.mu.Unlock()
	return s.Source.Follow(ctx, s)
}

func (s *heldBack) Handle(u share.Update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue = append(s.queue, u); s.free {
		s.handOn()
	}
}

func (s *heldBack) letGo() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = true
	s.handOn()
}

func (s *heldBack) handOn() {
	for _, u := range s.queue {
		s.to.Handle(u)
	}
	s.queue = nil
}

// TestReadAhead: a controller reads the flows back while its share is on its way. What
// somebody does to them in between is put right with the share's coming, and nothing
// else is sent.
func TestReadAhead(t *testing.T) {
	r, _ := settled(t)
	want, before := r.flows(), r.applied(0)
	r.stop()
	held := &heldBack{}
	r.source = func(from share.Source) share.Source { held.Source = from; return held }
	var turns atomic.Int64
	r.turned = func() { turns.Add(1) }
	r.start()
	r.status("it has the switch", func(h store.HostStatus) bool { return h.Started.After(before.Started) && h.Connected })
	since := turns.Load()
	r.eventually(patience, "the step that reads is over", func() string {
		if turns.Load() < since+2 {
			return "not yet"
		}
		return ""
	})
	watch := r.watch()
	r.ovs.Ofctl("add-flow", bridge, "cookie=0x17,table=80,priority=60000,tcp,tp_dst=81,actions=resubmit(,95)")
	r.ovs.Ofctl("del-flows", bridge, fmt.Sprintf("table=%d", ofrules.TableIngressAccept))
	r.ovs.Ofctl("mod-flows", bridge, fmt.Sprintf("table=%d,actions=drop", ofrules.TableEgressAccept))
	changed := len(watch.AwaitQuiet(t.Context(), 3, 100*time.Millisecond))
	held.letGo()
	r.promptly("all is right again", func() string { return same(r.flows(), want) })
	r.status("it is in force", func(h store.HostStatus) bool { return h.Started.After(before.Started) && h.Applied >= before.Applied })
	if n := r.counter("flow_mods_total"); int(n) != changed {
		t.Errorf("%v flow changes sent, for %d flows", n, changed)
	}
}
