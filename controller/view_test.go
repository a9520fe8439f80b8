package controller

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

func batch(rev int64, full bool, changes ...secgroup.Change) store.Batch {
	return store.Batch{Revision: rev, Full: full, Changes: changes}
}

// TestViewTake: whoever takes gets everything since the last time, once, and a
// compile that lasts keeps nobody from reading.
func TestViewTake(t *testing.T) {
	t.Parallel()
	woken := 0
	v := newView("", func() { woken++ })
	if _, ok := v.take(plugged{}, func(*span.Share, changes) { t.Error("called with nothing") }); ok {
		t.Error("there is a policy before one was read")
	}
	handle := func(b store.Batch) {
		t.Helper()
		if err := v.Handle(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	p := newPolicy()
	handle(batch(3, true, append(p.base(), secgroup.Put(nic(1)), secgroup.Put(attach("web", "a1")))...))
	three := map[string]claim{"a1": {}, "a2": {}, "a3": {}}
	rev, ok := v.take(plugged{nics: three}, func(s *span.Share, ch changes) {
		if !ch.share.Full || !ch.loss.All || s.NICs["a1"].Record == nil {
			t.Errorf("the first time: %+v", ch)
		}
	})
	if rev != 3 || !ok || woken != 1 {
		t.Errorf("revision %d, %v, woken %d times", rev, ok, woken)
	}
	handle(batch(4, false, secgroup.Put(nic(2))))
	handle(batch(6, false, p.rule("web", "r", secgroup.Ingress, "tcp", 80, "")))
	v.Read(func(s *secgroup.Snapshot, pending *impact.Loss) {
		if _, ok := pending.Ends[impact.Place{Domain: "vpc:blue", Address: address4(2)}]; !ok || s.Revision() != 6 {
			t.Errorf("pending at %d: %+v", s.Revision(), pending)
		}
	})
	inside, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var late sync.WaitGroup
	go func() {
		defer close(done)
		rev, _ := v.take(plugged{nics: three, changed: map[string]struct{}{}}, func(s *span.Share, ch changes) {
			close(inside)
			<-release
			d := ch.share
			if d.Full || d.NICs["a2"] == nil || d.Groups[ref("web")] == nil || s.Groups[ref("web")].Rule("r") == nil {
				t.Errorf("the second time: %+v", ch)
			}
			if s.NICs["a3"].Record != nil {
				t.Error("the policy changes while it is compiled")
			}
		})
		if rev != 6 {
			t.Errorf("revision %d", rev)
		}
	}()
	<-inside
	late.Go(func() { handle(batch(7, false, secgroup.Put(nic(3)))) }) // waits for its turn
	time.Sleep(10 * time.Millisecond)
	read := false
	v.Read(func(*secgroup.Snapshot, *impact.Loss) { read = true })
	if !read {
		t.Error("not read")
	}
	close(release)
	<-done
	late.Wait()
	delete(three, "a1")
	v.take(plugged{nics: three, changed: map[string]struct{}{"a1": {}}}, func(s *span.Share, ch changes) {
		_, a1 := s.NICs["a1"]
		web, told := ch.share.Groups[ref("web")]
		if a1 || len(ch.share.NICs) != 2 || len(ch.share.Groups) != 1 || !told || web != nil || s.NICs["a3"].Record == nil {
			t.Errorf("the third time: %+v", ch)
		}
	})
}

// TestAuditFinds: whatever differs from what should be there is found, but for
// what was sent while it was read and what the switch refuses.
func TestAuditFinds(t *testing.T) {
	t.Parallel()
	cfg, err := Config{Policy: newGiven(nil), Reports: &board{}, Host: hostName, Bridge: bridge, OVSDB: "unix:/nowhere/db.sock"}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	compiled := func() (*engine, []openflow.Flow) {
		e := newEngine(newController(cfg))
		s := secgroup.NewSnapshot()
		s.Apply(1, append(newPolicy().base(), secgroup.Put(nic(1))))
		e.tables.desired.compiler.Reset(span.Span(s, hostName, slices.Values([]string{"a1"})), ofrules.Host{Ports: map[string]ofrules.Port{"a1": {OFPort: 1, Zone: 1}}})
		e.tables.known = true
		return e, e.tables.desired.compiler.Flows()
	}
	changed := func(f openflow.Flow) openflow.Flow { f.Cookie++; return f }
	foreign := openflow.Flow{Table: ofrules.TableIngressAny, Priority: 9, Cookie: 0x17}
	for _, c := range []struct {
		name    string
		read    func(flows []openflow.Flow) []openflow.Flow
		touched func(flows []openflow.Flow) []openflow.Flow
		put     int
		delete  int
	}{
		{name: "all is right"},
		{name: "one is missing", read: func(f []openflow.Flow) []openflow.Flow { return f[1:] }, put: 1},
		{name: "one is too many", read: func(f []openflow.Flow) []openflow.Flow { return append(f, foreign) }, delete: 1},
		{name: "one is another", read: func(f []openflow.Flow) []openflow.Flow { f[3] = changed(f[3]); return f }, put: 1},
		{name: "one instead of another", read: func(f []openflow.Flow) []openflow.Flow { f[3] = foreign; return f }, put: 1, delete: 1},
		{name: "one is missing that was just sent", read: func(f []openflow.Flow) []openflow.Flow { return f[1:] },
			touched: func(f []openflow.Flow) []openflow.Flow { return f[:1] }},
		{name: "one is there that was just deleted", read: func(f []openflow.Flow) []openflow.Flow { return append(f, foreign) },
			touched: func([]openflow.Flow) []openflow.Flow { return []openflow.Flow{foreign} }},
		{name: "another is missing than was just sent", read: func(f []openflow.Flow) []openflow.Flow { return f[1:] },
			touched: func(f []openflow.Flow) []openflow.Flow { return f[5:9] }, put: 1},
	} {
		e, flows := compiled()
		e.audit.touched = map[openflow.FlowKey]struct{}{}
		if c.touched != nil {
			for _, f := range c.touched(flows) {
				e.audit.touched[f.Key()] = struct{}{}
			}
		}
		if c.read != nil {
			flows = c.read(flows)
		}
		e.audited(reading{flows: flows})
		if found := e.audit.found; len(found.Put) != c.put || len(found.Delete) != c.delete {
			t.Errorf("%s: %+v", c.name, found)
		}
		if err := e.ctl.Close(); err != nil {
			t.Error(err)
		}
	}
	e, flows := compiled()
	e.audit.touched = map[openflow.FlowKey]struct{}{}
	e.tables.install.note(flows[0], errors.New("no room"))
	e.audited(reading{flows: flows[1:]})
	if !e.audit.found.Empty() {
		t.Errorf("a refused flow is found: %+v", e.audit.found)
	}
}

// TestViewReadAnew: of a policy that takes the place of another one it is known
// which NICs were not filtered before, also of changes that nobody took.
func TestViewReadAnew(t *testing.T) {
	t.Parallel()
	v, p := newView("", func() {}), newPolicy()
	handle := func(b store.Batch) {
		t.Helper()
		if err := v.Handle(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	whole := func(rev int64, off ...int) store.Batch {
		b := batch(rev, true, p.base()...)
		for n := range 4 {
			one := nic(n + 1)
			if slices.Contains(off, n+1) {
				one.Enforcement = secgroup.EnforcementOff
			}
			b.Changes = append(b.Changes, secgroup.Put(one))
		}
		return b
	}
	filtered := func() (ids []string) {
		v.take(plugged{}, func(_ *span.Share, ch changes) { ids = slices.Sorted(maps.Keys(ch.loss.Filtered)) })
		return ids
	}
	handle(whole(9, 1, 2, 3))
	if ids := filtered(); ids != nil {
		t.Errorf("the first time: %v", ids)
	}
	handle(batch(10, false, secgroup.Put(nic(1)))) // nobody takes this
	handle(whole(8, 3))
	if ids := filtered(); !slices.Equal(ids, []string{"a1", "a2"}) {
		t.Errorf("filtered anew: %v", ids)
	}
	handle(whole(8, 3))
	if ids := filtered(); ids != nil {
		t.Errorf("the same again: %v", ids)
	}
}
