package kept

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// source says what it is told to.
type source struct {
	mu      sync.Mutex
	to      share.Handler
	plugged map[string]bool
}

func (s *source) Follow(ctx context.Context, h share.Handler) error {
	s.mu.Lock()
	s.to = h
	s.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

func (s *source) Plug(nics map[string]bool, _ bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plugged = nics
}

func (s *source) say(u share.Update) {
	s.mu.Lock()
	to := s.to
	s.mu.Unlock()
	to.Handle(u)
}

// heard is what was handed on.
type heard struct {
	mu   sync.Mutex
	all  []share.Update
	then func()
}

func (h *heard) Handle(u share.Update) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, u)
	if h.then != nil {
		h.then()
	}
}

func (h *heard) updates() []share.Update {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.all)
}

// rig is a keeper that runs until stop.
type rig struct {
	*Keeper
	from     *source
	to       *heard
	mu       sync.Mutex
	problems []string
	cancel   context.CancelFunc
	done     sync.WaitGroup
}

const keptAt = "etcd-1:2379"

func start(t *testing.T, file string) *rig {
	t.Helper()
	r := &rig{from: &source{}, to: &heard{}}
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	r.Keeper = New(r.from, Config{File: file, Host: "h1", From: []string{keptAt, "etcd-2:2379"}, Logger: slog.New(slog.DiscardHandler), Problem: func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil {
			r.problems = append(r.problems, err.Error())
		}
	}})
	r.done.Go(func() { _ = r.Follow(ctx, r.to) })
	synctest.Wait()
	return r
}

func (r *rig) stop() {
	r.cancel()
	r.done.Wait()
}

func (r *rig) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.problems, "; ")
}

var web = secgroup.GroupRef{Account: "acme", ID: "web"}

// first is a share of a1 and a2.
func first() share.Update {
	nic := func(n byte) *span.NIC {
		return &span.NIC{Groups: []secgroup.GroupRef{web}, Record: &secgroup.NIC{
			ID: fmt.Sprintf("a%d", n), Account: "acme", Network: "net", MAC: secgroup.MAC{2, 0, 0, 0, 0, n},
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, n})}, Enforcement: secgroup.EnforcementOn,
		}}
	}
	rule := secgroup.Rule{ID: "r", Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: "tcp", PortMin: 80, PortMax: 80, RemoteGroup: web, Enabled: true}
	return share.Update{Revision: 7, Mark: "m7", Delta: span.Delta{
		Full: true, NICs: map[string]*span.NIC{"a1": nic(1), "a2": nic(2)}, Networks: map[string]*secgroup.Network{"net": {ID: "net", RoutingDomain: "d", VLAN: 7}},
		Groups:   map[secgroup.GroupRef]*secgroup.Group{web: {GroupRef: web, EgressPolicy: secgroup.EgressAuto, Rules: []secgroup.Rule{rule}}},
		Members:  map[span.Label]span.Change{{Group: web, Domain: "d"}: {Reset: true, Add: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}}},
		Baseline: &secgroup.Baseline{},
	}}
}

// keep writes a file as a host does that learned first().
func keep(t *testing.T, file string) {
	t.Helper()
	r := start(t, file)
	r.Plug(map[string]bool{"a1": true, "a2": true}, true)
	r.from.say(first())
	r.Served(map[string]string{"a2": "h9"}, map[string]string{"a1": "h8"})
	r.stop()
	if r.said() != "" {
		t.Fatal(r.said())
	}
}

// TestKept: a host that nobody tells anything enforces what it kept, and says so; of
// a NIC that is not in the file nothing is known. As soon as the source speaks, its
// word counts.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "state", "share")
		keep(t, file)
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v: others may read it", info.Mode(), err)
		}
		r := start(t, file)
		time.Sleep(10 * patience)
		synctest.Wait()
		if got := r.to.updates(); len(got) > 0 {
			t.Fatalf("it is used before it is known what is plugged: %+v", got)
		}
		r.Plug(map[string]bool{"a1": true, "a3": true}, true)
		synctest.Wait()
		got := r.to.updates()
		if len(got) != 1 || got[0].Kept == nil || got[0].Revision != 7 || got[0].Mark != "m7" {
			t.Fatalf("%+v", got)
		}
		k, d := got[0].Kept, got[0].Delta
		if !maps.Equal(k.Newer, map[string]string{"a2": "h9"}) || !maps.Equal(k.Elsewhere, map[string]string{"a1": "h8"}) || k.Saved.IsZero() {
			t.Errorf("%+v", k)
		}
		s := &span.Share{}
		s.Apply(d)
		if !d.Full || len(s.NICs) != 1 || s.NICs["a1"].Record.Addresses[0] != netip.AddrFrom4([4]byte{10, 0, 0, 1}) || s.Groups[web].Rules[0].RemoteGroup != web ||
			s.Networks["net"].VLAN != 7 || len(s.Members[web]["d"]) != 2 {
			t.Errorf("%+v", s)
		}
		r.Plug(map[string]bool{"a2": true, "a1": false, "a4": true}, false)
		got = r.to.updates()
		a1, told := got[1].Delta.NICs["a1"]
		if len(got) != 2 || got[1].Delta.Full || got[1].Kept == nil || got[1].Delta.NICs["a2"] == nil || !told || a1 != nil || len(got[1].Delta.NICs) != 2 {
			t.Errorf("%+v", got[1:])
		}
		r.from.say(first())
		if got = r.to.updates(); len(got) != 3 || got[2].Kept != nil {
			t.Errorf("%+v", got[2:])
		}
		r.Plug(map[string]bool{"a1": true}, false)
		if got = r.to.updates(); len(got) != 3 || !r.from.plugged["a1"] {
			t.Errorf("the file speaks although the source has: %+v", got[3:])
		}
		r.stop()

		r = start(t, file)
		r.Plug(map[string]bool{"a1": true}, true)
		time.Sleep(patience / 2)
		r.from.say(first())
		time.Sleep(10 * patience)
		if got := r.to.updates(); len(got) != 1 || got[0].Kept != nil {
			t.Errorf("the source spoke in time: %+v", got)
		}
		r.stop()
	})
}

// TestTheDifferenceToTheFile: a source that knows what is in the file may bring what
// differs from that alone, whether the file is in use by then or not. Who holds nothing
// of the share yet gets all of it.
func TestTheDifferenceToTheFile(t *testing.T) {
	for what, late := range map[string]time.Duration{"before the file is used": 0, "while it is used": 2 * patience} {
		synctest.Test(t, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "share")
			r := start(t, file)
			if r.Holds(func(*span.Share) {}) {
				t.Errorf("%s: it holds a share, and there is no file", what)
			}
			r.stop()
			keep(t, file)
			r = start(t, file)
			r.Plug(map[string]bool{"a1": true}, true)
			time.Sleep(late)
			synctest.Wait()
			nics := 0
			if !r.Holds(func(s *span.Share) { nics = len(s.NICs) }) || nics != 2 {
				t.Errorf("%s: it holds %d NICs of the file's two", what, nics)
			}
			shut := &secgroup.Group{GroupRef: web, EgressPolicy: secgroup.EgressListed}
			r.from.say(share.Update{Revision: 9, Mark: "m9", Anew: true, Delta: span.Delta{
				NICs: map[string]*span.NIC{"a2": nil}, Groups: map[secgroup.GroupRef]*secgroup.Group{web: shut},
				Members: map[span.Label]span.Change{{Group: web, Domain: "d"}: {Reset: true}},
			}})
			got := r.to.updates()
			last := got[len(got)-1]
			s := span.NewShare()
			s.Apply(last.Delta)
			if !last.Delta.Full || last.Kept != nil || last.Revision != 9 || len(s.NICs) != 1 || s.NICs["a1"].Record == nil ||
				len(s.Networks) != 1 || s.Groups[web] != shut || len(s.Members) != 0 {
				t.Errorf("%s: %+v makes %+v", what, last, s)
			}
			r.from.say(share.Update{Revision: 10, Delta: span.Delta{Networks: map[string]*secgroup.Network{"net": nil}}})
			got = r.to.updates()
			if d := got[len(got)-1].Delta; d.Full || len(d.Networks) != 1 {
				t.Errorf("%s: what comes then is handed on as %+v", what, d)
			}
			r.stop()
		})
	}
}

// TestKeptIsRefused: of a file of which anything is wrong nothing is used, and what is
// wrong is said. When the source speaks the file is put right.
func TestKeptIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, file string, content []byte)
		says  string
	}{
		"empty":               {func(t *testing.T, file string, _ []byte) { put(t, file, nil) }, "torn"},
		"torn":                {func(t *testing.T, file string, b []byte) { put(t, file, b[:len(b)-1]) }, "checksum"},
		"half":                {func(t *testing.T, file string, b []byte) { put(t, file, b[:len(b)/2]) }, "checksum"},
		"its first line torn": {func(t *testing.T, file string, b []byte) { put(t, file, b[:30]) }, "torn"},
		"a bit of it turned":  {func(t *testing.T, file string, b []byte) { b[len(b)-3] ^= 4; put(t, file, b) }, "checksum"},
		"the revision turned": {func(t *testing.T, file string, b []byte) {
			put(t, file, []byte(strings.Replace(string(b), `"revision":7`, `"revision":8`, 1)))
		}, "checksum"},
		"something else": {func(t *testing.T, file string, _ []byte) { put(t, file, []byte("hello\nworld\n")) }, "another one"},
		"of a newer version": {func(t *testing.T, file string, b []byte) {
			put(t, file, []byte(strings.Replace(string(b), magic+" 1 ", magic+" 2 ", 1)))
		}, "of version 2"},
		"of another host": {func(t *testing.T, file string, _ []byte) {
			rewrite(t, file, func(h *header, _ *span.Delta) { h.Host = "h2" })
		}, `of host "h2"`},
		"of another cluster": {func(t *testing.T, file string, _ []byte) {
			rewrite(t, file, func(h *header, _ *span.Delta) { h.From = []string{"etcd-9:2379"} })
		}, "another cluster"},
		"not a whole share": {func(t *testing.T, file string, _ []byte) {
			rewrite(t, file, func(_ *header, d *span.Delta) { d.Full = false })
		}, "not a whole one"},
		"older than the switch's": {func(t *testing.T, file string, _ []byte) { put(t, aheadOf(file), []byte(bootID())) }, "older than what the switch has"},
		"a directory":             {func(t *testing.T, file string, _ []byte) { os.Remove(file); os.Mkdir(file, 0o700) }, "directory"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "share")
				keep(t, file)
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				c.spoil(t, file, content)
				r := start(t, file)
				r.Plug(map[string]bool{"a1": true}, true)
				time.Sleep(10 * patience)
				synctest.Wait()
				if got := r.to.updates(); len(got) > 0 {
					t.Errorf("it is used: %+v", got)
				}
				if said := r.said(); !strings.Contains(said, c.says) || !strings.Contains(said, file) {
					t.Errorf("it says %q", said)
				}
				r.from.say(first())
				r.stop()
				if name == "a directory" {
					return
				}
				if _, _, found, err := read(file, "h1", []string{keptAt}); err != nil || !found {
					t.Errorf("afterwards: %v, %v", found, err)
				}
			})
		})
	}
}

// TestKeptAfterTheMachineCrashed: when the machine was started anew the switch has
// nothing that a file could be older than.
func TestKeptAfterTheMachineCrashed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "share")
		keep(t, file)
		put(t, aheadOf(file), []byte("another start"))
		if _, _, found, err := read(file, "h1", []string{keptAt}); err != nil || !found {
			t.Errorf("%v, %v", found, err)
		}
	})
}

// TestKeptIsNeverOlder: whenever an update is handed on, a program that is killed at
// that moment leaves a file that has it, or one that is refused. Files are written once
// a second at most, however many updates come, and not for those that change nothing.
func TestKeptIsNeverOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "share")
		r := start(t, file)
		r.Plug(map[string]bool{"a1": true, "a2": true}, true)
		var handed int64
		r.to.then = func() { // r.to is locked
			handed = r.to.all[len(r.to.all)-1].Revision
			if h, _, found, err := read(file, "h1", []string{keptAt}); err == nil && found && h.Revision < handed {
				t.Errorf("revision %d is handed on, and the file has %d", handed, h.Revision)
			}
		}
		r.from.say(first())
		began, writes, last := time.Now(), 0, time.Time{}
		for rev := int64(8); rev < 400; rev++ {
			d := span.Delta{Members: map[span.Label]span.Change{{Group: web, Domain: "d"}: {Add: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, byte(rev >> 8), byte(rev)})}}}}
			r.from.say(share.Update{Revision: rev, Delta: d})
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			if info, err := os.Stat(file); err == nil && info.ModTime() != last {
				writes, last = writes+1, info.ModTime()
			}
		}
		if most := int(time.Since(began)/saveEvery) + 2; writes == 0 || writes > most {
			t.Errorf("written %d times in %v", writes, time.Since(began))
		}
		time.Sleep(10 * saveEvery)
		synctest.Wait()
		h, d, found, err := read(file, "h1", []string{keptAt})
		if err != nil || !found || h.Revision != 399 || len(d.Members[span.Label{Group: web, Domain: "d"}].Add) != 2+392 {
			t.Errorf("in the end: %+v, %v, %v", h, found, err)
		}
		before, _ := os.Stat(file)
		r.to.then = nil
		r.from.say(share.Update{Revision: 500})
		time.Sleep(10 * saveEvery)
		if after, _ := os.Stat(file); after.ModTime() != before.ModTime() {
			t.Error("written for a change of others")
		}
		r.stop()
	})
}

// TestNothingIsWrittenBesideAChange: writing the file of a large share takes longer than a
// change does, and is put off until that is over.
func TestNothingIsWrittenBesideAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "share")
		keep(t, file)
		r := start(t, file)
		r.Plug(map[string]bool{"a1": true, "a2": true}, true)
		time.Sleep(10 * saveEvery)
		for rev := int64(8); rev < 12; rev++ {
			for _, c := range []struct {
				after time.Duration
				want  int64
			}{{0, rev - 1}, {saveEvery / 2, rev - 1}, {saveEvery, rev}} {
				if c.after == 0 {
					r.from.say(share.Update{Revision: rev, Delta: span.Delta{Baseline: &secgroup.Baseline{}}})
				}
				time.Sleep(c.after)
				synctest.Wait()
				if h, _ := decoded(t, file); h.Revision != c.want {
					t.Errorf("%v after revision %d the file has %d", c.after, rev, h.Revision)
				}
			}
		}
		r.stop()
	})
}

// TestKeptNowhere: where nothing can be written there is no old file to be believed.
func TestKeptNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "share")
		keep(t, file)
		if err := os.Mkdir(aheadOf(file), 0o700); err != nil { // cannot be written
			t.Fatal(err)
		}
		r := start(t, file)
		r.Plug(map[string]bool{"a1": true}, true)
		r.to.then = func() {
			if _, err := os.Stat(file); err == nil {
				t.Error("the file of before is still there")
			}
		}
		r.from.say(first())
		r.stop()
	})
}

func put(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// rewrite writes a file anew with something else in it, and a checksum that fits.
func rewrite(t *testing.T, file string, edit func(*header, *span.Delta)) {
	t.Helper()
	h, d := decoded(t, file)
	edit(&h, &d)
	content, err := encode(h, d)
	if err != nil {
		t.Fatal(err)
	}
	put(t, file, content)
}

// decoded is what a file has, also if it is refused because of its mark.
func decoded(t *testing.T, file string) (header, span.Delta) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h, d, err := decode(content)
	if err != nil {
		t.Fatal(err)
	}
	return h, d
}
