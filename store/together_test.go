package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
)

// gate holds up transactions until it is opened.
type gate struct {
	clientv3.KV
	held chan struct{} // is sent to when one comes
	open chan struct{}
}

func (g *gate) Txn(ctx context.Context) clientv3.Txn {
	select {
	case g.held <- struct{}{}:
	case <-g.open:
	}
	<-g.open
	return g.KV.Txn(ctx)
}

// asking is the context of a caller who tells when it waits.
type asking struct {
	context.Context
	waits func()
}

func (a asking) Done() <-chan struct{} {
	a.waits()
	return a.Context.Done()
}

// answer is what a caller of Update was told.
type answer struct {
	rev      int64
	err      error
	panicked any
}

// TestWritesShareATransaction has many ask at once, while a write is under way: those that have
// nothing to do with each other are one transaction, and what is wrong with one is that one's alone.
func TestWritesShareATransaction(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a"), account("b"), group("a", "old")))
		r := observe(t, s)
		g := &gate{s.link.Client.KV, make(chan struct{}), make(chan struct{})}
		s.link.Client.KV = g
		refusal := errors.New("refused")
		planned := atomic.Int32{} // the refused one
		note := func(n NoteWrite) UpdateOption {
			return WithNotes(func(*snapshot, changes) ([]NoteWrite, error) { return []NoteWrite{n}, nil })
		}
		gone, leave := context.WithCancel(t.Context())
		asked := []struct {
			name string
			ctx  context.Context
			plan func(*snapshot) (changes, error)
			opts []UpdateOption
		}{
			{"first", t.Context(), put(group("a", "first")), nil},
			{"second", t.Context(), put(group("a", "second")), []UpdateOption{note(NoteWrite{Name: "n/second"})}},
			{"refused", t.Context(), func(*snapshot) (changes, error) { planned.Add(1); return nil, refusal }, nil},
			{"panics", t.Context(), func(*snapshot) (changes, error) { panic("a fault of ours") }, nil},
			{"other account", t.Context(), put(group("b", "third")), nil},
			{"deletes", t.Context(), func(*snapshot) (changes, error) {
				return changes{secgroup.Delete(secgroup.GroupKey(groupRef("a", "old")))}, nil
			}, nil},
			{"needs second", t.Context(), func(s *snapshot) (changes, error) {
				if s.Group(groupRef("a", "second")) == nil {
					return nil, errors.New("there is no second")
				}
				return changes{secgroup.Put(group("a", "fourth"))}, nil
			}, nil},
			{"second again", t.Context(), put(group("a", "second", rule("r"))), nil},
			{"left", gone, put(group("a", "left")), nil},
			{"once", t.Context(), put(group("a", "fifth")), []UpdateOption{note(NoteWrite{Name: "n/once", Once: true})}},
			{"once more", t.Context(), put(group("a", "sixth")), []UpdateOption{note(NoteWrite{Name: "n/once", Once: true})}},
			{"nothing", t.Context(), put(), []UpdateOption{note(NoteWrite{Name: "n/nothing", Always: true})}},
		}
		var wg sync.WaitGroup
		answers := make([]chan answer, len(asked))
		for i, a := range asked {
			waits, answered := make(chan struct{}), make(chan answer, 1)
			answers[i] = answered
			wg.Go(func() {
				var is answer
				defer func() { is.panicked = recover(); answered <- is }()
				is.rev, is.err = s.Update(asking{a.ctx, sync.OnceFunc(func() { close(waits) })}, a.plan, a.opts...)
			})
			<-waits
			if i == 0 {
				<-g.held
			}
		}
		of := map[string]answer{}
		leave()
		for i, a := range asked {
			if a.ctx == gone {
				of[a.name] = <-answers[i]
			}
		}
		close(g.open)
		wg.Wait()
		for i, a := range asked {
			if a.ctx != gone {
				of[a.name] = <-answers[i]
			}
		}
		for _, name := range []string{"first", "second", "other account", "deletes", "needs second", "second again", "once", "nothing"} {
			if a := of[name]; a.err != nil || a.rev == 0 || a.panicked != nil {
				t.Errorf("%s: %+v", name, a)
			}
		}
		for name, want := range map[string]error{"refused": refusal, "left": context.Canceled, "once more": ErrNoteTaken} {
			if a := of[name]; !errors.Is(a.err, want) || a.panicked != nil {
				t.Errorf("%s: %+v, want %v", name, a, want)
			}
		}
		if a := of["panics"]; !strings.Contains(fmt.Sprint(a.panicked), "a fault of ours") {
			t.Errorf("the panic came out as %v", a.panicked)
		}
		shared := of["second"].rev
		for _, name := range []string{"other account", "deletes", "needs second"} {
			if of[name].rev != shared {
				t.Errorf("%s is at revision %d, and second at %d", name, of[name].rev, shared)
			}
		}
		for _, name := range []string{"first", "second again", "nothing"} {
			if of[name].rev == shared {
				t.Errorf("%s shares revision %d", name, shared)
			}
		}
		if n := planned.Load(); n > 3 { // beside others that were not made yet, then by what is there, beside the note that fails, and without it
			t.Errorf("what was refused was planned %d times", n)
		}
		var revs []int64
		for _, b := range r.await(t, max(of["nothing"].rev, of["second again"].rev)) {
			revs = append(revs, b.Revision)
		}
		if slices.Sort(revs); len(slices.Compact(revs)) != 4 { // first, the many, second again, nothing
			t.Errorf("the policy has revisions %v", revs)
		}
	})
}

// atOnce has callers ask while the first one's transaction is held up, so that the others are
// made together, and returns what each was told.
func atOnce(t *testing.T, s *Store, plans []func(*snapshot) (changes, error)) []answer {
	t.Helper()
	g := &gate{s.link.Client.KV, make(chan struct{}), make(chan struct{})}
	s.link.Client.KV = g
	answers := make([]answer, len(plans))
	var wg sync.WaitGroup
	for i, plan := range plans {
		waits := make(chan struct{})
		wg.Go(func() {
			defer func() { answers[i].panicked = recover() }()
			answers[i].rev, answers[i].err = s.Update(asking{t.Context(), sync.OnceFunc(func() { close(waits) })}, plan)
		})
		<-waits
		if i == 0 {
			<-g.held
		}
	}
	close(g.open)
	wg.Wait()
	return answers
}

// odd is an object that cannot be written: who asks it for more than its key sees a panic.
type odd struct {
	*secgroup.Group
	asked *atomic.Int32
}

func (o odd) Key() secgroup.Key {
	if o.asked.Add(1) > 1 {
		panic("a fault of ours")
	}
	return o.Group.Key()
}

// TestPanicBesideWrites: a fault of ours in what comes after a plan is that caller's alone, too.
func TestPanicBesideWrites(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a")))
		var plans []func(*snapshot) (changes, error)
		for i := range 6 {
			plans = append(plans, func(*snapshot) (changes, error) {
				g := group("a", fmt.Sprint("g", i))
				if i == 3 {
					return changes{secgroup.Put(odd{g, &atomic.Int32{}})}, nil
				}
				return changes{secgroup.Put(g)}, nil
			})
		}
		answers := atOnce(t, s, plans)
		for i, a := range answers {
			made := read(t, s, func(s *snapshot) *secgroup.Group { return s.Group(groupRef("a", fmt.Sprint("g", i))) })
			if (i == 3) != (a.panicked != nil) || (i == 3) != (made == nil) || a.err != nil {
				t.Errorf("%d: %+v, made: %v", i, a, made != nil)
			}
		}
	})
}

// TestLargeWrites: those that are too large for one transaction together are made in several, and one
// that is too large for any is that one alone.
func TestLargeWrites(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		cfg := patient(e.config())
		cfg.MaxRequestBytes = 3 << 19 // etcd's own default; the embedded one takes more
		s := open(t, cfg)
		mustUpdate(t, s, put(account("a")))
		most := s.link.Config.MaxRequestBytes
		sizes := []int{1, most / 3, most / 3, 2 * most, most / 3, 1, most / 3}
		var plans []func(*snapshot) (changes, error)
		for i, size := range sizes {
			large := group("a", fmt.Sprint("g", i))
			large.Description = strings.Repeat("x", size)
			plans = append(plans, put(large))
		}
		answers := atOnce(t, s, plans)
		for i, size := range sizes {
			made := read(t, s, func(s *snapshot) *secgroup.Group { return s.Group(groupRef("a", fmt.Sprint("g", i))) })
			switch a := answers[i]; {
			case size > most:
				if !errors.Is(a.err, ErrTooLarge) || made != nil {
					t.Errorf("%d bytes: %+v, made: %v", size, a, made != nil)
				}
			case a.err != nil || made == nil || made.Revision != a.rev:
				t.Errorf("%d bytes: %+v, made: %v", size, a, made != nil)
			}
		}
	})
}

// TestRefusedOnce: a write that is refused, or comes to nothing, is planned once.
func TestRefusedOnce(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a"), group("a", "g")))
		for i := range 20 {
			planned := 0
			_, err := s.Update(within(t, time.Minute), func(*snapshot) (changes, error) { planned++; return nil, errors.New("refused") })
			if err == nil || planned != 1 {
				t.Errorf("refused: %v, planned %d times", err, planned)
			}
			mustUpdate(t, s, put(group("a", "g", rule(fmt.Sprint(i))))) // the cache has it, and needs no other look
		}
	})
}

// beset is a store's requests, before each of whose transactions something happens.
type beset struct {
	clientv3.KV
	before func()
}

func (b beset) Txn(ctx context.Context) clientv3.Txn {
	b.before()
	return b.KV.Txn(ctx)
}

// TestRefusedAmongWrites: a write that is refused, or comes to nothing, is answered also while others
// of its store always write, and others of another store always between.
func TestRefusedAmongWrites(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s, other := open(t, e.config()), open(t, e.config())
		mustUpdate(t, s, put(account("a"), account("b")))
		refusal := errors.New("refused")
		var wg sync.WaitGroup
		ask := func(ctx context.Context, plan func(*snapshot) (changes, error)) <-chan error {
			waits, answered := make(chan struct{}), make(chan error, 1)
			wg.Go(func() {
				_, err := s.Update(asking{ctx, sync.OnceFunc(func() { close(waits) })}, plan)
				answered <- err
			})
			<-waits
			return answered
		}
		const enough = 6 // transactions, with what was under way when it came
		ctx, leave := context.WithCancel(t.Context())
		var refused, nothing <-chan error
		n := 0
		s.link.Client.KV = beset{s.link.Client.KV, func() {
			n++
			mustUpdate(t, other, put(group("b", fmt.Sprint("g", n))))
			switch n {
			case enough:
				leave()
				return
			case 1:
				refused = ask(ctx, func(*snapshot) (changes, error) { return nil, refusal })
				nothing = ask(ctx, put())
			}
			ask(t.Context(), put(group("a", fmt.Sprint("g", n))))
		}}
		mustUpdate(t, s, put(group("a", "g")))
		wg.Wait()
		if err := <-refused; !errors.Is(err, refusal) {
			t.Errorf("what was refused was told %v", err)
		}
		if err := <-nothing; err != nil {
			t.Errorf("what came to nothing was told %v", err)
		}
		leave()
	})
}

// scribe makes random writes that depend on what else the account has.
type scribe struct{ kind, of, with int }

var errScribe = errors.New("the policy does not allow it")

// plan is a function of the policy alone.
func (w scribe) plan(s *snapshot) (changes, error) {
	id := func(i int) secgroup.GroupRef { return groupRef(fmt.Sprintf("a%d", i%2), fmt.Sprintf("g%d", i)) }
	text := func(i int) string {
		if g := s.Group(id(i)); g != nil {
			return g.Description
		}
		return "-"
	}
	write := func(i int, text string) changes {
		g := group(id(i).Account, id(i).ID)
		g.Description = text
		return changes{secgroup.Put(g)}
	}
	switch w.kind {
	case 0: // counts
		return write(w.of, text(w.of)[:min(len(text(w.of)), 40)]+"i"), nil
	case 1: // tells of another
		return write(w.of, "saw "+text(w.with)[:min(len(text(w.with)), 40)]), nil
	case 2: // goes, if it is there
		return changes{secgroup.Delete(secgroup.GroupKey(id(w.of)))}, nil
	case 3: // only if the other is not there
		if s.Group(id(w.with)) != nil {
			return nil, errScribe
		}
		return write(w.of, "without"), nil
	case 4: // of two
		return append(write(w.of, text(w.with)), write(w.of+8, text(w.of))...), nil
	default:
		panic("a fault of ours")
	}
}

// TestWritersAreSerial has many writers, at two stores, write at random what depends on all that their
// account has. What comes of it, and what each is told, is what one after the other would have had, in an
// order that keeps to that of the revisions; and no object is changed twice at one.
func TestWritersAreSerial(t *testing.T) {
	const writers = 12
	each := repeats(150, 40)
	type made struct {
		scribe
		answer
		order int64 // of its last planning
		saw   int64 // the revision that it was planned on then
		least int64 // the latest that was acknowledged when it began
		left  bool
	}
	withEtcd(t, func(t *testing.T, e testEtcd) {
		stores := []*Store{open(t, e.config()), open(t, e.config())}
		mustUpdate(t, stores[0], put(account("a0"), account("a1")))
		from := read(t, stores[0], func(s *snapshot) *snapshot { return s })
		var order, acknowledged atomic.Int64
		acknowledged.Store(from.Revision())
		var wg sync.WaitGroup
		all := make([][]*made, writers)
		for w := range writers {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(w), 12))
				for range each {
					m := &made{scribe: scribe{r.IntN(5), r.IntN(8), 0}, least: acknowledged.Load()}
					m.with = (m.of + 2*r.IntN(4)) % 8 // of the same account: what rests on two is not held up
					if r.IntN(30) == 0 {
						m.kind = 5
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					if m.left = r.IntN(10) == 0; m.left {
						time.AfterFunc(time.Duration(r.IntN(3000))*time.Microsecond, cancel)
					}
					func() {
						defer func() { m.panicked = recover() }()
						m.rev, m.err = stores[w%2].Update(ctx, func(s *snapshot) (changes, error) {
							m.order, m.saw = order.Add(1), s.Revision()
							return m.plan(s)
						})
					}()
					cancel()
					for now := acknowledged.Load(); m.err == nil && now < m.rev && !acknowledged.CompareAndSwap(now, m.rev); now = acknowledged.Load() {
					}
					all[w] = append(all[w], m)
				}
			})
		}
		wg.Wait()
		var events []Event
		at := map[int64]*snapshot{from.Revision(): from}
		ctx, cancel := context.WithCancel(t.Context())
		err := stores[0].History(ctx, from.Revision(), "", func() error { return nil }, func(e Event) error {
			if events = append(events, e); e.Revision >= acknowledged.Load() {
				cancel()
			}
			return nil
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		by := map[int64][]*made{}
		shared := 0
		for _, m := range slices.Concat(all...) {
			writes := m.err == nil && m.panicked == nil && m.rev > m.saw
			switch {
			case (m.kind == 5) != (m.panicked != nil) && !(m.left && errors.Is(m.err, context.Canceled)):
				t.Errorf("%+v: a panic is its own caller's", *m)
			case writes:
				by[m.rev] = append(by[m.rev], m)
			case m.err != nil && !errors.Is(m.err, errScribe) && !(m.left && errors.Is(m.err, context.Canceled)):
				t.Errorf("%+v", *m)
			}
		}
		s := from
		for _, e := range events {
			members := by[e.Revision]
			delete(by, e.Revision)
			slices.SortFunc(members, func(a, b *made) int { return int(a.order - b.order) })
			shared += max(0, len(members)-1)
			touched := map[secgroup.Key]bool{}
			for _, m := range members {
				did, err := m.plan(s)
				if err != nil || m.saw < m.least {
					t.Errorf("revision %d: %+v: in its place it would have had %v", e.Revision, *m, err)
				}
				for _, c := range did {
					if touched[c.Key] {
						t.Errorf("revision %d changes %+v twice", e.Revision, c.Key)
					}
					touched[c.Key] = true
				}
				s, _ = s.With(e.Revision, did)
			}
			for _, c := range e.Changes {
				is, _ := c.After.(*secgroup.Group)
				want := s.Group(secgroup.GroupRef{Account: c.Key.Account, ID: c.Key.ID})
				if (is == nil) != (want == nil) || is != nil && is.Description != want.Description {
					t.Errorf("revision %d leaves %+v, want %+v", e.Revision, is, want)
				}
				s, _ = s.With(e.Revision, changes{{Key: c.Key, Object: c.After}})
			}
			at[e.Revision] = s
		}
		if len(by) > 0 {
			t.Errorf("%d revisions that were answered are not in the history", len(by))
		}
		for _, m := range slices.Concat(all...) {
			if m.panicked != nil || m.err != nil && !errors.Is(m.err, errScribe) || m.err == nil && m.rev > m.saw {
				continue
			}
			was := at[m.saw]
			if was == nil || m.saw < m.least {
				t.Errorf("%+v: judged by revision %d, though %d was acknowledged before", *m, m.saw, m.least)
				continue
			}
			did, err := m.plan(was)
			did = slices.DeleteFunc(did, func(c secgroup.Change) bool { return c.Object == nil && was.Get(c.Key) == nil })
			if len(did) > 0 && err == nil || !errors.Is(err, m.err) && m.err != nil {
				t.Errorf("%+v: at revision %d it would have had %v, %v", *m, m.saw, did, err)
			}
		}
		if shared == 0 {
			t.Error("no two writes shared a revision")
		}
		t.Logf("%d writes in %d revisions", shared+len(events), len(events))
	})
}
