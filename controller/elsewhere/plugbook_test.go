package elsewhere

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/store"
)

// plugStore is a store of plugs with hosts that follow it, each as late as the
// test has it, and that keep at their interfaces what they are to keep.
type plugStore struct {
	rev   int64
	plugs map[plugID]store.Plug
	hosts map[string]*plugHost
}

type plugHost struct {
	book  plugbook
	iface *ovsdb.Interface // of the NIC, nil if it is not plugged
	ready bool
}

const theNIC = "n"

func newPlugStore(hosts ...string) *plugStore {
	s := &plugStore{rev: 100, plugs: map[plugID]store.Plug{}, hosts: map[string]*plugHost{}}
	for _, h := range hosts {
		s.hosts[h] = &plugHost{book: newPlugbook(h)}
		s.hosts[h].book.replace(nil, time.Time{})
	}
	return s
}

// plug plugs the NIC by a new interface, and it is ready at once.
func (s *plugStore) plug(host string) {
	s.rev++
	s.hosts[host].iface = &ovsdb.Interface{UUID: ovsdb.UUID(fmt.Sprint(host, s.rev)), Name: "tap", IfaceID: theNIC, OFPort: 1, ExternalIDs: map[string]string{}}
	s.hosts[host].ready = true
}

// work has a host do all that it has to do.
func (s *plugStore) work(host string, now time.Time) {
	h := s.hosts[host]
	for range 3 {
		here := map[string]ovsdb.Interface{}
		if h.iface != nil {
			here[theNIC] = *h.iface
		}
		h.book.setPlugged(here, nil, true, now)
		h.book.setReady(theNIC, h.ready && h.book.newer[theNIC] == "", !h.ready)
		h.book.expire(now)
		plugs, gone := h.book.unwritten()
		for i := range plugs {
			s.rev++
			plugs[i].Order = cmp.Or(plugs[i].Order, s.rev)
			s.plugs[plugID{host, theNIC}] = plugs[i]
		}
		for range gone {
			s.rev++
			delete(s.plugs, plugID{host, theNIC})
		}
		h.book.written(plugs, gone)
		rows := h.book.unwrittenRows()
		if v, ok := rows["tap"]; ok && h.iface != nil {
			h.iface.ExternalIDs[PlugKey] = v
		}
		h.book.rowsWritten(rows)
	}
}

// spread tells a host of all that the others have told.
func (s *plugStore) spread(host string) {
	var set, gone []store.Plug
	for _, other := range []string{"a", "b", "c"} {
		if p, ok := s.plugs[plugID{other, theNIC}]; ok {
			set = append(set, p)
		} else {
			gone = append(gone, store.Plug{Host: other, NIC: theNIC})
		}
	}
	s.hosts[host].book.update(set, gone)
}

func (s *plugStore) settle(now time.Time) {
	for range 3 {
		for _, h := range []string{"a", "b", "c"} {
			s.work(h, now)
			s.spread(h)
		}
	}
}

// restart starts a host's controller anew.
func (s *plugStore) restart(host string, now time.Time) {
	s.hosts[host].book = newPlugbook(host)
	s.list(host, now)
}

func (s *plugStore) list(host string, now time.Time) {
	var all []store.Plug
	for _, p := range s.plugs {
		all = append(all, p)
	}
	s.hosts[host].book.replace(all, now)
}

// serving are the hosts that serve the NIC.
func (s *plugStore) serving() string {
	var out []string
	for name, h := range s.hosts {
		if h.iface != nil && h.iface.OFPort != 0 && h.book.newer[theNIC] == "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestTheNewestPlugServes: of hosts where a NIC is plugged the one serves it where
// it was plugged last, whatever restarts, and whatever the store loses.
func TestTheNewestPlugServes(t *testing.T) {
	type env struct {
		*plugStore
		*testing.T
		now time.Time
	}
	backup := func(e *env) func(rev int64) {
		plugs := map[plugID]store.Plug{}
		maps.Copy(plugs, e.plugs)
		return func(rev int64) {
			e.rev, e.plugs = rev, map[plugID]store.Plug{}
			maps.Copy(e.plugs, plugs)
		}
	}
	relist := func(e *env) {
		for _, h := range []string{"a", "b", "c"} {
			e.list(h, e.now)
		}
	}
	for _, k := range []struct {
		name string
		play func(e *env)
		want string
	}{
		{"one", func(e *env) { e.plug("a") }, "a"},
		{"it moves, and the old port stays", func(e *env) { e.plug("a"); e.settle(e.now); e.plug("b") }, "b"},
		{"it moves and comes back", func(e *env) { e.plug("a"); e.settle(e.now); e.plug("b"); e.settle(e.now); e.plug("a") }, "a"},
		{"the newer one goes", func(e *env) {
			e.plug("a")
			e.settle(e.now)
			e.plug("b")
			e.settle(e.now)
			e.hosts["b"].iface = nil
		}, "a"},
		{"the newer one does not become ready", func(e *env) { e.plug("a"); e.settle(e.now); e.plug("b"); e.hosts["b"].ready = false }, "a b"},
		{"both controllers start again", func(e *env) {
			e.plug("b")
			e.settle(e.now)
			e.plug("a")
			e.settle(e.now)
			e.restart("b", e.now)
			e.work("b", e.now)
			e.restart("a", e.now)
		}, "a"},
		{"the store loses the newer one", func(e *env) {
			e.plug("b")
			e.settle(e.now)
			restore := backup(e)
			e.plug("a")
			e.settle(e.now)
			restore(e.rev - 3)
			relist(e)
			if got := e.serving(); got != "a" {
				e.Errorf("served at %q before the newer one is said again", got)
			}
		}, "a"},
		{"the store loses both", func(e *env) {
			restore := backup(e)
			e.plug("b")
			e.settle(e.now)
			e.plug("a")
			e.settle(e.now)
			restore(20)
			relist(e)
		}, "a"},
		{"the store loses both, and both controllers start again", func(e *env) {
			restore := backup(e)
			e.plug("b")
			e.settle(e.now)
			e.plug("a")
			e.settle(e.now)
			restore(20)
			e.restart("b", e.now)
			e.restart("a", e.now)
		}, "a"},
		{"a third plug after the store has lost two, with lower revisions", func(e *env) {
			restore := backup(e)
			e.plug("b")
			e.settle(e.now)
			e.plug("a")
			e.settle(e.now)
			restore(20)
			relist(e)
			e.plug("c")
			e.work("c", e.now) // before the others say theirs again
		}, "c"},
		{"ovs-vswitchd is away for a moment at the newer one", func(e *env) {
			e.plug("b")
			e.settle(e.now)
			e.plug("a")
			e.settle(e.now)
			e.hosts["b"].iface.OFPort = 0
			e.settle(e.now)
			e.now = e.now.Add(portGone / 2)
			e.hosts["b"].iface.OFPort = 1
		}, "a"},
		{"a port that was left behind without a device is used again", func(e *env) {
			e.plug("b")
			e.settle(e.now)
			e.plug("a")
			e.settle(e.now)
			e.hosts["b"].iface.OFPort = 0
			e.settle(e.now)
			e.now = e.now.Add(portGone + time.Second)
			e.settle(e.now)
			e.hosts["b"].iface.OFPort = 1
		}, "b"},
	} {
		t.Run(k.name, func(t *testing.T) {
			e := &env{newPlugStore("a", "b", "c"), t, time.Unix(1000, 0)}
			k.play(e)
			e.settle(e.now)
			if got := e.serving(); got != k.want {
				t.Errorf("served at %q, want %q; the store has %+v", got, k.want, e.plugs)
			}
			e.now = e.now.Add(time.Minute)
			e.settle(e.now)
			if got := e.serving(); got != k.want {
				t.Errorf("a minute later served at %q, want %q; the store has %+v", got, k.want, e.plugs)
			}
		})
	}
}

// TestNewestPlugAtRandom: after plugs, unplugs, restarts and news that come late in
// any order the last one that was plugged, of those that still are, serves alone,
// and the store is told nothing more.
func TestNewestPlugAtRandom(t *testing.T) {
	hosts := []string{"a", "b", "c"}
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s, now := newPlugStore(hosts...), time.Unix(1000, 0)
		var order []string // of plugs that stand, the newest last
		var played []string
		for range 30 {
			h := hosts[rng.IntN(3)]
			what := rng.IntN(5)
			played = append(played, fmt.Sprint(h, what))
			switch what {
			case 0: // what two hosts plug at the same moment has no order
				s.settle(now)
				s.plug(h)
				s.work(h, now)
				order = append(slices.DeleteFunc(order, func(o string) bool { return o == h }), h)
			case 1:
				s.hosts[h].iface = nil
				order = slices.DeleteFunc(order, func(o string) bool { return o == h })
			case 2:
				s.restart(h, now)
			case 3:
				s.work(h, now)
			case 4:
				s.spread(h)
			}
		}
		s.settle(now)
		want := ""
		if len(order) > 0 {
			want = order[len(order)-1]
		}
		rev := s.rev
		s.settle(now)
		if got := s.serving(); got != want || s.rev != rev {
			t.Fatalf("seed %d: served at %q, want %q; %d writes more; played %v; the store has %+v", seed, got, want, s.rev-rev, played, s.plugs)
		}
	}
}
