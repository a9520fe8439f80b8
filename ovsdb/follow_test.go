package ovsdb

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"

	"github.com/ringfence/ringfence/internal/halt"
	"github.com/ringfence/ringfence/internal/ovstest"
)

// stored is the bridge as the database has it, read by selects in one
// transaction.
func stored(t *testing.T, ctx context.Context, c *Client, name string) BridgeState {
	t.Helper()
	var rows [3][]row
	for i, q := range []struct {
		table   string
		columns []string
	}{
		{"Bridge", []string{"_uuid", "name", "datapath_type", "datapath_id", "fail_mode", "protocols", "external_ids", "ports"}},
		{"Port", []string{"_uuid", "name", "interfaces"}},
		{"Interface", []string{"_uuid", "name", "type", "ofport", "error", "external_ids"}},
	} {
		var err error
		if rows[i], err = c.rows(ctx, q.table, q.columns); err != nil {
			t.Fatal(err)
		}
	}
	var s BridgeState
	for _, b := range rows[0] {
		if b.text("name") != name {
			continue
		}
		fail, id, ids := b.text("fail_mode"), b.text("datapath_id"), b["external_ids"].(map[string]string)
		s.Bridge = newBridge(&bridgeRow{UUID: b.text("_uuid"), DatapathType: b.text("datapath_type"), DatapathID: &id, FailMode: &fail, Protocols: b.texts("protocols"), ExternalIDs: ids})
		for _, p := range rows[1] {
			for _, i := range rows[2] {
				if slices.Contains(b.texts("ports"), p.text("_uuid")) && slices.Contains(p.texts("interfaces"), i.text("_uuid")) {
					n, e, ids := i.number("ofport"), i.text("error"), i["external_ids"].(map[string]string)
					s.Interfaces = append(s.Interfaces, newInterface(&interfaceRow{UUID: i.text("_uuid"), Name: i.text("name"), Type: i.text("type"), OFPort: &n, Error: &e, ExternalIDs: ids}, p.text("name")))
				}
			}
		}
	}
	slices.SortFunc(s.Interfaces, func(a, b Interface) int { return strings.Compare(a.Name, b.Name) })
	return s
}

func diffStates(a, b BridgeState) string { return cmp.Diff(a, b, cmpopts.EquateEmpty()) }

// changer makes random changes, each one transaction.
type changer struct {
	rng  *rand.Rand
	c    *Client
	ctx  context.Context
	next int
}

func (ch *changer) pick(s []string) string { return s[ch.rng.IntN(len(s))] }

func (ch *changer) name() string { return fmt.Sprintf("p%d", ch.rng.IntN(12)) }

// plug adds a port with one or two interfaces to a bridge, which the
// transaction may have just made.
func (ch *changer) plug(bridge string) []ovsdb.Operation {
	ch.next++
	id, name := strconv.Itoa(ch.next), ch.name()
	var refs []ovsdb.UUID
	var ops []ovsdb.Operation
	for i := range 1 + ch.rng.IntN(2) {
		refs = append(refs, ref(UUID(fmt.Sprintf("i%s_%d", id, i))))
		ops = append(ops, insert("Interface", fmt.Sprintf("i%s_%d", id, i), ovsdb.Row{"name": fmt.Sprintf("%s-%d", name, i), "external_ids": dict(map[string]string{"iface-id": "nic" + id})}))
	}
	return append(ops, insert("Port", "p"+id, ovsdb.Row{"name": name, "interfaces": set(refs...)}),
		mutate("Bridge", named(bridge), mutation("ports", "insert", ref(UUID("p"+id)))))
}

func (ch *changer) unplug(bridge string) []ovsdb.Operation {
	b, err := ch.c.rows(ch.ctx, "Bridge", []string{"ports"}, named(bridge))
	if err != nil || len(b) == 0 || len(b[0].texts("ports")) < 3 {
		return nil
	}
	return []ovsdb.Operation{mutate("Bridge", named(bridge), mutation("ports", "delete", ref(UUID(ch.pick(b[0].texts("ports"))))))}
}

// change is the operations of one transaction; none if there is nothing to be
// changed so.
func (ch *changer) change() []ovsdb.Operation {
	bridge := ch.pick([]string{"br-int", "br-int", "br-int", "br-two"})
	iface := func() ovsdb.Condition { return named(fmt.Sprintf("%s-%d", ch.name(), ch.rng.IntN(2))) }
	switch ch.rng.IntN(8) {
	case 0, 1:
		return ch.plug(bridge)
	case 2:
		return ch.unplug(bridge)
	case 3: // replaced in one transaction
		if gone := ch.unplug(bridge); gone != nil {
			return append(gone, ch.plug(bridge)...)
		}
		return nil
	case 4:
		name := fmt.Sprintf("%s-0", ch.name())
		put := setExternalIDs("Interface", name, map[string]string{ch.pick([]string{"a", "b", "iface-id"}): fmt.Sprint(ch.rng.IntN(5))})
		return []ovsdb.Operation{mutate("Interface", named(name), mutation("external_ids", ovsdb.MutateOperationDelete, set(ch.pick([]string{"a", "b", "c"})))), put}
	case 5:
		return []ovsdb.Operation{update("Interface", iface(), ovsdb.Row{"ofport": []any{ovsdb.OvsSet{}, 0, 1, 77, -1}[ch.rng.IntN(5)], "error": []any{ovsdb.OvsSet{}, "broken"}[ch.rng.IntN(2)], "type": ch.pick([]string{"", "dummy"})})}
	case 6:
		return []ovsdb.Operation{update("Bridge", named(bridge), ovsdb.Row{"fail_mode": []any{ovsdb.OvsSet{}, "secure", "standalone"}[ch.rng.IntN(3)], "protocols": set([]string{"OpenFlow10", "OpenFlow13", "OpenFlow15"}[ch.rng.IntN(4):]...), "external_ids": dict(map[string]string{ch.name(): ch.name()})})}
	default: // the bridge is made anew, in one transaction
		b, err := ch.c.rows(ch.ctx, "Bridge", []string{"_uuid"}, named(bridge))
		if err != nil || len(b) == 0 || ch.rng.IntN(3) > 0 {
			return nil
		}
		ch.next++
		made := "b" + strconv.Itoa(ch.next)
		ops := []ovsdb.Operation{
			mutateRoot(mutation("bridges", "delete", ref(b[0].uuid())), mutation("bridges", "insert", ref(UUID(made)))),
			insert("Bridge", made, ovsdb.Row{"name": bridge, "ports": ref(UUID("own" + made))}),
			insert("Interface", "if"+made, ovsdb.Row{"name": bridge, "type": "internal"}),
			insert("Port", "own"+made, ovsdb.Row{"name": bridge, "interfaces": ref(UUID("if" + made))}),
		}
		return ops
	}
}

// TestFollowLosesNothing makes random changes (ports that come, go and are
// replaced, bridges made anew, columns of all kinds) while ovsdb-server is killed
// and stopped now and then, and holds what the watch says against the database.
func TestFollowLosesNothing(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.KillVswitchd() // it would take part
	for _, b := range []string{"br-int", "br-two"} {
		v.Vsctl("--no-wait", "add-br", b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	c, err := Dial(ctx, v.DBAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := startWatch(t, v.DBAddr, "br-int")
	ch := &changer{rng: rand.New(rand.NewPCG(1, 2)), c: c, ctx: ctx}
	committed := 0
	for i := range 600 {
		if i%200 == 150 {
			v.KillOVSDB()
			v.StartOVSDB()
		}
		ops := ch.change()
		if ops == nil {
			continue
		}
		if _, err := c.transact(ctx, ops...); err == nil {
			committed++
		}
		if i%50 == 49 {
			want := stored(t, ctx, c, "br-int")
			w.until("what the database has", func(s BridgeState) bool { w.last = s; return s.Stale == "" && diffStates(want, s) == "" })
		}
	}
	if committed < 250 {
		t.Errorf("only %d changes were possible", committed)
	}
}

// Two NICs change places in one transaction, over and over: there is no moment at
// which one of them is at both.
func TestWatchSeesWholeTransactions(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.KillVswitchd()
	v.Vsctl("--no-wait", "add-br", "br-int", "--", "add-port", "br-int", "p1", "--", "add-port", "br-int", "p2",
		"--", "set", "interface", "p1", "external_ids:iface-id=a", "--", "set", "interface", "p2", "external_ids:iface-id=b")
	c, ctx := connect(t, v)
	w := startWatch(t, v.DBAddr, "br-int")
	pair := func(s BridgeState) string { return s.iface("p1").IfaceID + s.iface("p2").IfaceID }
	w.until("both", func(s BridgeState) bool { return pair(s) == "ab" })
	for i := range 200 {
		now := [2]string{"a", "b"}
		now[0], now[1] = now[(i+1)%2], now[i%2]
		if err := c.SetInterfaceExternalIDs(ctx, map[string]map[string]string{"p1": {"iface-id": now[0]}, "p2": {"iface-id": now[1]}}); err != nil {
			t.Fatal(err)
		}
		w.until("the change", func(s BridgeState) bool {
			if got := pair(s); got != "ab" && got != "ba" {
				t.Fatalf("NICs at p1 and p2: %q", got)
			}
			return pair(s) == now[0]+now[1]
		})
	}
}

// A bridge is deleted and made again in one transaction: the state goes from the
// one to the other, with none between.
func TestWatchBridgeMadeAnew(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br-int")
	v.AddPort("br-int", "p1", 1, "nic-1")
	w := startWatch(t, v.DBAddr, "br-int")
	old := w.until("p1", func(s BridgeState) bool { return s.iface("p1").OFPort == 1 })
	v.Vsctl("--no-wait", "--", "del-br", "br-int", "--", "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=dummy",
		"--", "add-port", "br-int", "q1", "--", "set", "interface", "q1", "type=dummy", "external_ids:iface-id=nic-1")
	anew := w.until("another bridge", func(s BridgeState) bool {
		if !s.Exists {
			t.Error("there was no bridge for a moment")
		}
		return s.UUID != old.UUID
	})
	if anew.iface("p1").Name != "" || anew.iface("q1").IfaceID != "nic-1" {
		t.Errorf("interfaces of the new bridge: %+v", anew.Interfaces)
	}
	if anew.iface("q1").OFPort == 0 { // not told with it
		w.until("an ofport", func(s BridgeState) bool { return s.iface("q1").OFPort != 0 })
	}
}

// ovsdb-server comes back with another database, as after a restore.
func TestWatchAnotherDatabase(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.KillVswitchd()
	v.Vsctl("--no-wait", "add-br", "br-int", "--", "add-port", "br-int", "p1", "--", "add-port", "br-int", "p2")
	conf := filepath.Join(filepath.Dir(v.RunDir), "db", "conf.db")
	kept, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	c, ctx := connect(t, v)
	w := startWatch(t, v.DBAddr, "br-int")
	w.until("three interfaces", func(s BridgeState) bool { return len(s.Interfaces) == 3 })
	v.Vsctl("--no-wait", "del-port", "br-int", "p1", "--", "add-port", "br-int", "p3", "--", "set", "bridge", "br-int", "fail_mode=secure")
	w.until("p3", func(s BridgeState) bool { return s.iface("p3").Name != "" && s.iface("p1").Name == "" })
	v.KillOVSDB()
	if err := os.WriteFile(conf, kept, 0o644); err != nil {
		t.Fatal(err)
	}
	v.StartOVSDB()
	w.until("what was", func(s BridgeState) bool { return s.Stale == "" && s.iface("p1").Name != "" })
	if diff := diffStates(stored(t, ctx, c, "br-int"), w.last); diff != "" {
		t.Errorf("(-database +watch):\n%s", diff)
	}
	if w.last.iface("p3").Name != "" {
		t.Error("p3 is in neither database")
	}
}

// ovsdb-server is stopped for a while (SIGSTOP), with a transaction under way
// that its socket has no room for.
func TestStoppedServer(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br-int")
	a, states := newAdder(t), make(chan BridgeState, 100)
	watch := newWatch(v.DBAddr, "br-int", func(c Change) { states <- a.add(c) })
	watch.probe = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); watch.run(ctx) }()
	defer func() { cancel(); <-ended }()
	w := &watcher{t: t, states: states}
	w.until("the bridge", func(s BridgeState) bool { return s.Exists && s.DatapathID != "" })
	c, _ := connect(t, v)

	pid, err := os.ReadFile(filepath.Join(v.RunDir, "ovsdb-server.pid"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	if err != nil {
		t.Fatal(err)
	}
	if err := halt.Stop(server); err != nil {
		t.Fatal(err)
	}
	defer halt.Continue(server)
	short, stop := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stop()
	if err := c.SetInterfaceExternalIDs(short, map[string]map[string]string{"br-int": {"big": strings.Repeat("x", 4<<20)}}); err == nil {
		t.Error("a stopped server took a transaction")
	}
	w.until("stale", func(s BridgeState) bool { return s.Stale != "" && s.Exists })
	if err := halt.Continue(server); err != nil {
		t.Fatal(err)
	}
	w.until("connected", func(s BridgeState) bool { return s.Stale == "" })
	v.AddPort("br-int", "p1", 1, "nic-1")
	w.until("p1", func(s BridgeState) bool { return s.iface("p1").OFPort == 1 })
}

// TestManyInterfaces follows 10,000 interfaces: over a restart of ovsdb-server, a
// change of one, and one that comes and one that goes, each told alone.
func TestManyInterfaces(t *testing.T) {
	t.Parallel()
	const n = 10000
	v := ovstest.Start(t, ovstest.Options{})
	v.KillVswitchd()
	v.Vsctl("--no-wait", "add-br", "br-int")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	c, err := Dial(ctx, v.DBAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	plug := func(i int) []ovsdb.Operation {
		id := strconv.Itoa(i)
		return []ovsdb.Operation{
			insert("Interface", "i"+id, ovsdb.Row{"name": "tap" + id, "external_ids": dict(map[string]string{"iface-id": "nic" + id})}),
			insert("Port", "p"+id, ovsdb.Row{"name": "tap" + id, "interfaces": ref(UUID("i" + id))}),
			mutate("Bridge", named("br-int"), mutation("ports", "insert", ref(UUID("p"+id)))),
		}
	}
	for i := 0; i < n; i += 1000 {
		var ops []ovsdb.Operation
		for j := i; j < i+1000; j++ {
			ops = append(ops, plug(j)...)
		}
		if _, err := c.transact(ctx, ops...); err != nil {
			t.Fatal(err)
		}
	}
	heard := make(chan Change, 1000)
	watching, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w := newWatch(v.DBAddr, "br-int", func(c Change) { heard <- c })
		w.probe = time.Minute // a busy machine is no silent server
		w.run(watching)
	}()
	defer func() { end(); <-ended }()
	expect := func(what string, set, gone []string) {
		t.Helper()
		select {
		case c := <-heard:
			var s, g []string
			for _, i := range c.Set {
				s = append(s, i.Name+"="+i.IfaceID)
			}
			for _, i := range c.Gone {
				g = append(g, i.Name)
			}
			if !slices.Equal(s, set) || !slices.Equal(g, gone) {
				t.Fatalf("%s: %d set, %d gone; %v, %v", what, len(s), len(g), s[:min(3, len(s))], g[:min(3, len(g))])
			}
		case <-ctx.Done():
			t.Fatalf("%s: nothing", what)
		}
	}
	first := <-heard
	for ; first.Bridge.Stale != ""; first = <-heard { // not connected yet
	}
	all := map[string]bool{}
	for _, i := range first.Set {
		all[i.Name] = true
	}
	if len(all) != n+1 || !all["tap0"] || !all["tap9999"] {
		t.Fatalf("%d interfaces at first, some %v", len(all), slices.Sorted(maps.Keys(all))[:3])
	}
	v.KillOVSDB()
	if c := <-heard; c.Bridge.Stale == "" || len(c.Set)+len(c.Gone) > 0 {
		t.Fatalf("killed: %v, %d set, %d gone", c.Bridge, len(c.Set), len(c.Gone))
	}
	v.StartOVSDB()
	expect("restarted", nil, nil) // and nothing between: an attempt that fails says nothing new
	if err := c.SetInterfaceExternalIDs(ctx, map[string]map[string]string{"tap77": {"iface-id": "other"}}); err != nil {
		t.Fatal(err)
	}
	expect("one changed", []string{"tap77=other"}, nil)
	if _, err := c.transact(ctx, plug(n)...); err != nil {
		t.Fatal(err)
	}
	expect("one came", []string{"tap10000=nic10000"}, nil)
	v.Vsctl("--no-wait", "del-port", "br-int", "tap5")
	expect("one went", nil, []string{"tap5"})
}
