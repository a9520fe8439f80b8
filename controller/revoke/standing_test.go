package revoke

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// slowSwitch is connection tracking that takes its time, zone by zone, and fails now
// and then. None of its connections is allowed. It holds what is reported against
// what is cut.
type slowSwitch struct {
	fakeTracking
	slow  map[uint16]time.Duration // how long a look at a zone takes; of 0, what settling takes beside 20 ms
	fails func() error
	lost  map[unixctl.Tuple]int64 // by which revision a connection may be open no more
	said  []Standing
	wrong string

	domain string // of all NICs
}

func (w *slowSwitch) look(zones []uint16) error {
	var d time.Duration
	for _, zone := range zones {
		d += w.slow[zone]
	}
	time.Sleep(d)
	if w.fails != nil {
		return w.fails()
	}
	return nil
}

func (w *slowSwitch) DumpConntrack(ctx context.Context, zone uint16) ([]unixctl.Conn, error) {
	conns, _ := w.fakeTracking.DumpConntrack(ctx, zone)
	return conns, w.look([]uint16{zone})
}

func (w *slowSwitch) cut(ctx context.Context, conn *ofconn.Conn, conns []unixctl.Conn, begin bool) error {
	if err := w.look(nil); err != nil {
		return err
	}
	return w.fakeTracking.cut(ctx, conn, conns, begin)
}

// open has a connection begin in a NIC's zone that a revision takes away.
func (w *slowSwitch) open(zone uint16, rev int64, picked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := unixctl.Conn{Proto: 17, Zone: zone, Orig: unixctl.Tuple{Src: small.Address4(99), Dst: small.Address4(int(zone)), SPort: uint16(len(w.conns)), DPort: 7}}
	if picked {
		c.Labels[15] = 2
	}
	w.conns = append(w.conns, c)
	w.lost[c.Orig] = rev
}

func (w *slowSwitch) Judged(error) {}

// Standing holds what is said of each NIC against its connections.
func (w *slowSwitch) Standing(s Standing, _ News) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, s)
	for _, c := range w.conns {
		nic := fmt.Sprint("a", c.Zone)
		if at := s.Of(nic); !ofrules.IsCut(c.Labels) && w.lost[c.Orig] <= max(at.Rev, s.Whole.Rev) {
			w.wrong = fmt.Sprintf("%s is said to be at %+v, the host at %+v, and has an open connection of before %d", nic, at, s.Whole, w.lost[c.Orig])
		}
	}
}

func (w *slowSwitch) now() (s Standing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.said); n > 0 {
		s = w.said[n-1]
	}
	return s
}

// Judge allows nothing, or cannot tell.
func (w *slowSwitch) Judge(_ context.Context, conns []impact.Open) ([]bool, error) {
	return make([]bool, len(conns)), w.look(nil)
}

// sweeping runs a sweeper over a slow switch, in fake time.
func sweeping(t *testing.T, test func(s *Sweeper, w *slowSwitch)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := small.New()
		changes := p.Base()
		for n := range 6 {
			changes = append(changes, secgroup.Put(small.NIC(n+1)))
		}
		snap := policytest.Load(changes)
		w := &slowSwitch{domain: snap.Domain(small.NIC(1)), slow: map[uint16]time.Duration{}, lost: map[unixctl.Tuple]int64{}}
		s := NewSweeper(Config{
			Policy: &known{snap: snap}, Judge: w, Reporter: w, Tracking: func() Tracking { return w },
			Settle: func(context.Context, megaflow.Change) error {
				time.Sleep(20*time.Millisecond + w.slow[0])
				return w.look(nil)
			},
			Freed: func([]uint16) {}, Logger: slog.New(slog.DiscardHandler),
		})
		s.send = w.cut
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { _ = s.Run(ctx) })
		test(s, w)
		cancel()
		work.Wait()
	})
}

var sixZones = inZones{"a1", "a2", "a3", "a4", "a5", "a6"}

// TestOthersAreNotHeldUp: while the connections of one NIC are judged for a long time,
// later changes of others are in force as soon as ever, and said to be.
func TestOthersAreNotHeldUp(t *testing.T) {
	t.Parallel()
	sweeping(t, func(s *Sweeper, w *slowSwitch) {
		w.slow[1] = 3 * time.Second
		conn := new(ofconn.Conn)
		remove := func(rev int64, nics ...string) {
			for _, id := range nics {
				w.open(sixZones.Zone(id), rev, false)
			}
			s.Expect(Work{Lost: LostNICs(nics...), Changed: true, Narrowed: true})
			s.Add(Job{Rev: rev, Mark: fmt.Sprint("m", rev), Step: uint64(rev), Conn: conn, NICs: sixZones})
		}
		expect := func(after time.Duration, whole int64, nics ...int64) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			now := w.now()
			if now.Conn != conn { // of another switch
				now = Standing{}
			}
			for i, want := range nics {
				if at := now.Of(sixZones[i]); at.Rev != want || want > 0 && (at.Mark != fmt.Sprint("m", want) || at.Step != uint64(want)) {
					t.Errorf("%s is at %+v, want %d", sixZones[i], at, want)
				}
			}
			if now.Whole.Rev != whole {
				t.Errorf("the host is at %+v, want %d", now.Whole, whole)
			}
		}
		remove(1)
		expect(50*time.Millisecond, 1, 1, 1, 1)
		remove(2, "a1")
		expect(time.Millisecond, 1, 1, 1, 1) // packets may not meet its flows yet
		expect(49*time.Millisecond, 1, 1, 2, 2)
		remove(3, "a2")
		expect(50*time.Millisecond, 1, 1, 3, 3)
		remove(4, "a1", "a3")
		expect(time.Millisecond, 1, 1, 3, 3, 3)
		expect(49*time.Millisecond, 1, 1, 4, 3, 4) // a3 is in one turn with a1
		remove(5, "a2")
		expect(10*time.Millisecond, 1, 1, 4, 3, 4)
		remove(6, "a2")
		expect(12*time.Millisecond, 1, 1, 5, 3, 5) // packets meet the flows of 5, maybe not those of 6
		s.Expect(Work{Lost: LostNICs("a2")})       // of which something is looked at that changed no flow
		s.Add(Job{Rev: 6, Mark: "m6", Step: 6, Conn: conn, NICs: sixZones})
		expect(0, 1, 1, 5, 3, 5)
		expect(50*time.Millisecond, 1, 1, 6, 3, 6)
		expect(20*time.Second, 6, 6, 6, 6)

		t.Log("there are as many turns as there may be, and what comes is one more")
		for rev := range int64(8) {
			remove(rev+7, "a1")
			time.Sleep(time.Millisecond)
		}
		expect(50*time.Millisecond, 6, 6, 10, 10)
		remove(15, "a2")
		expect(50*time.Millisecond, 6, 6, 10, 10)
		expect(time.Minute, 15, 15, 15, 15)

		t.Log("another switch is at nothing, whoever was")
		conn = new(ofconn.Conn)
		s.Expect(Work{Lost: Lost{All: true}})
		s.Add(Job{Rev: 16, Mark: "m16", Step: 16, Conn: conn, NICs: sixZones})
		expect(50*time.Millisecond, 0, 0, 0, 0)
		expect(time.Minute, 16, 16, 16, 16)
		if w.wrong != "" {
			t.Error(w.wrong)
		}
	})
}

// TestOneLook: the connections that a change takes away are listed once, when packets
// meet its flows. If that takes long, they are cut before, and listed again.
func TestOneLook(t *testing.T) {
	t.Parallel()
	for name, settling := range map[string]time.Duration{"as ever": 0, "slow": 500 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sweeping(t, func(s *Sweeper, w *slowSwitch) {
				expect := func(looks int, rev int64) {
					t.Helper()
					synctest.Wait()
					if left := w.left(); len(left) > 0 || w.dumps != looks || w.now().Whole.Rev != rev {
						t.Errorf("looked %d times, want %d; not cut: what there is in zones %v; %+v is applied, want %d", w.dumps, looks, left, w.now().Whole, rev)
					}
				}
				w.slow[0] = settling
				w.open(1, 2, false)
				s.Expect(Work{Lost: LostNICs("a1"), Changed: true, Narrowed: true})
				s.Add(Job{Rev: 2, Mark: "m2", Step: 2, Conn: new(ofconn.Conn), NICs: sixZones})
				time.Sleep(prompt + time.Millisecond)
				if settling == 0 {
					expect(1, 2)
					return
				}
				expect(1, 0)
				w.open(1, 2, false) // by a megaflow of before
				time.Sleep(settling)
				expect(2, 2)
			})
		})
	}
}

// TestWhateverIsSaidIsCut: in random histories of removals, whatever is said to be at a
// revision has no connection that may be open no more since, whatever fails and however
// long it takes; and in the end all is applied.
func TestWhateverIsSaidIsCut(t *testing.T) {
	t.Parallel()
	further, refused := 0, 0
	for seed := range uint64(40) {
		sweeping(t, func(s *Sweeper, w *slowSwitch) {
			draw := rand.New(rand.NewPCG(seed, 8))
			for zone := range uint16(6) {
				w.slow[zone+1] = time.Duration(draw.IntN(3)*draw.IntN(700)) * time.Millisecond
			}
			away := errors.New("away")
			var mu sync.Mutex
			w.fails = func() error {
				mu.Lock()
				defer mu.Unlock()
				if draw.IntN(12) == 0 {
					return away
				}
				return nil
			}
			intn := func(n int) int {
				mu.Lock()
				defer mu.Unlock()
				return draw.IntN(n)
			}
			conn := new(ofconn.Conn)
			complete := map[int64]bool{0: true}
			var rev int64
			for range 30 {
				rev++
				complete[rev] = intn(10) > 0
				lost := Lost{}
				for n := range uint16(6) {
					switch intn(5) {
					case 0:
						impact.Put(&lost.NICs, sixZones[n])
						w.open(n+1, rev, intn(8) == 0)
					case 1: // another of its connections is not lost
						impact.Put(&lost.Near, sixZones[n])
						impact.Put(&lost.LeftAddresses, impact.Address{Domain: w.domain, Addr: small.Address4(99)})
						w.open(n+1, rev, false)
					}
				}
				if intn(15) == 0 {
					conn, lost = new(ofconn.Conn), Lost{All: true}
				}
				s.Expect(Work{Lost: lost, Changed: true, Narrowed: true})
				s.Add(Job{Rev: rev, Step: uint64(rev), Conn: conn, Incomplete: !complete[rev], NICs: sixZones})
				if intn(2) == 0 { // a megaflow of before lets one more in
					time.Sleep(time.Duration(intn(15)) * time.Millisecond)
					for id := range lost.NICs {
						w.open(sixZones.Zone(id), rev, false)
					}
				}
				time.Sleep(time.Duration(intn(2)*intn(400)) * time.Millisecond)
			}
			rev++
			complete[rev] = true
			s.Add(Job{Rev: rev, Step: uint64(rev), Conn: conn, NICs: sixZones})
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, now := range w.said {
				if !complete[now.Whole.Rev] || !complete[now.Latest.Rev] {
					w.wrong = fmt.Sprintf("the switch refused some of what is said to be in force: %+v", now)
				}
				if now.Whole.Rev < now.Latest.Rev && len(now.Behind) < 6 {
					further++
				}
			}
			for rev, whole := range complete {
				if !whole && rev > 0 {
					refused++
				}
			}
			if w.wrong != "" {
				t.Errorf("seed %d: %s", seed, w.wrong)
			}
			if last := w.said[len(w.said)-1]; last.Whole.Rev != rev || len(last.Behind) > 0 || slices.ContainsFunc(w.conns, func(c unixctl.Conn) bool { return !ofrules.IsCut(c.Labels) }) {
				t.Errorf("seed %d: at last %+v, of %d", seed, last, rev)
			}
		})
	}
	if further < 60 || refused < 50 {
		t.Errorf("%d times somebody was further, %d times the switch refused: this shows little", further, refused)
	}
}
