package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/internal/ovstest"
)

func connect(t *testing.T, v *ovstest.OVS) (*Client, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	c, err := Dial(ctx, v.DBAddr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, ctx
}

func get(v *ovstest.OVS, table, record, column string) string {
	return strings.TrimSpace(v.Vsctl("get", table, record, column))
}

func TestEnsureBridge(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	c, ctx := connect(t, v)
	want := BridgeConfig{Name: "br-int", DatapathType: "dummy", FailMode: "secure", Protocols: []string{"OpenFlow15"}}
	ensure := func() {
		t.Helper()
		if err := c.EnsureBridge(ctx, want); err != nil {
			t.Fatal(err)
		}
	}
	ensure()
	v.Ofctl("dump-flows", "br-int") // it is there, and speaks 1.5
	written := get(v, "Open_vSwitch", ".", "next_cfg")
	ensure()
	if got := get(v, "Open_vSwitch", ".", "next_cfg"); got != written {
		t.Errorf("a second call wrote: next_cfg %s, was %s", got, written)
	}

	v.Vsctl("set", "bridge", "br-int", "fail_mode=standalone", "protocols=OpenFlow10,OpenFlow13")
	want.DatapathType = "netdev"
	ensure()
	for column, text := range map[string]string{"fail_mode": "secure", "protocols": "[OpenFlow10, OpenFlow13, OpenFlow15]", "datapath_type": "dummy"} {
		if got := strings.ReplaceAll(get(v, "bridge", "br-int", column), `"`, ""); got != text {
			t.Errorf("%s is %s, want %s", column, got, text)
		}
	}
	v.Vsctl("clear", "bridge", "br-int", "protocols")
	ensure()
	if got := get(v, "bridge", "br-int", "protocols"); got != "[]" {
		t.Errorf("a bridge with all protocols was limited to %s", got)
	}
	err := c.EnsureBridge(ctx, BridgeConfig{Name: "br-bad", FailMode: "maybe"})
	var refused *TransactError
	if !errors.As(err, &refused) || refused.Op != "insert" || refused.Code != "constraint violation" {
		t.Errorf("fail_mode maybe: %v", err)
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br-int")
	v.AddBridge("br-two")
	c, ctx := connect(t, v)
	n, err := c.AddPort(ctx, "br-int", PortConfig{Name: "p1", Type: "dummy", OFPort: 5, ExternalIDs: map[string]string{"iface-id": "nic-1"}})
	if err != nil || n != 5 {
		t.Fatalf("ofport %d, %v", n, err)
	}
	if n, err := c.AddPort(ctx, "br-int", PortConfig{Name: "p2", Type: "dummy"}); err != nil || n == 0 || n == 5 {
		t.Errorf("ofport %d, %v", n, err)
	}
	if _, err := c.AddPort(ctx, "br-int", PortConfig{Name: "nodevice"}); err == nil || !strings.Contains(err.Error(), "nodevice") {
		t.Errorf("a device that does not exist: %v", err)
	}
	var refused *TransactError
	if _, err := c.AddPort(ctx, "br-two", PortConfig{Name: "p1", Type: "dummy"}); !errors.As(err, &refused) || refused.Code != "constraint violation" {
		t.Errorf("a port twice: %v", err)
	}
	if _, err := c.AddPort(ctx, "br-none", PortConfig{Name: "p3", Type: "dummy"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("on no bridge: %v", err)
	}
	if err := c.DelPort(ctx, "br-two", "p1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("off the wrong bridge: %v", err)
	}
	if err := c.DelPort(ctx, "br-int", "p1"); err != nil {
		t.Error(err)
	}
	if err := c.DelPort(ctx, "br-int", "p1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	if got := strings.Fields(v.Vsctl("list-ports", "br-int")); len(got) != 2 || got[0] != "nodevice" || got[1] != "p2" {
		t.Errorf("ports %v", got)
	}
}

func TestExternalIDs(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br-int")
	v.AddPort("br-int", "p1", 1, "nic-1", "external_ids:keep=me", "external_ids:drop=me")
	c, ctx := connect(t, v)
	if err := c.SetExternalIDs(ctx, "p1", map[string]string{"iface-id": "nic-2", "new": "key with \"quotes\" and ü"}, "drop", "never-there"); err != nil {
		t.Fatal(err)
	}
	if got, want := get(v, "interface", "p1", "external_ids"), `{iface-id=nic-2, keep=me, new="key with \"quotes\" and ü"}`; got != want {
		t.Errorf("external_ids %s, want %s", got, want)
	}
	if err := c.SetBridgeExternalIDs(ctx, "br-int", map[string]string{"a": "1"}); err != nil {
		t.Fatal(err)
	}
	if err := c.SetBridgeExternalIDs(ctx, "br-int", nil, "a"); err != nil {
		t.Fatal(err)
	}
	if got := get(v, "bridge", "br-int", "external_ids"); got != "{}" {
		t.Errorf("bridge external_ids %s", got)
	}
	if err := c.SetExternalIDs(ctx, "p2", map[string]string{"a": "1"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such interface: %v", err)
	}
}

func TestFlowTables(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br-int")
	v.Vsctl("--", "--id=@t", "create", "Flow_Table", "flow_limit=99", "name=theirs", "--", "set", "bridge", "br-int", "flow_tables:5=@t",
		"--", "--id=@u", "create", "Flow_Table", "name=mine", "--", "set", "bridge", "br-int", "flow_tables:6=@u")
	c, ctx := connect(t, v)
	tables := map[uint8]FlowTable{
		0: {Name: "entry"},
		5: {Prefixes: []string{"nw_src", "ipv6_src"}},
		9: {Name: "address", Prefixes: []string{"nw_dst", "ipv6_dst", "nw_src"}},
	}
	if err := c.SetFlowTables(ctx, "br-int", tables); err != nil {
		t.Fatal(err)
	}
	type table struct{ Name, Prefixes, Limit string }
	read := func() map[string]table {
		got := map[string]table{}
		for _, n := range []string{"0", "5", "6", "9"} {
			uuid := get(v, "bridge", "br-int", "flow_tables:"+n)
			got[n] = table{get(v, "Flow_Table", uuid, "name"), get(v, "Flow_Table", uuid, "prefixes"), get(v, "Flow_Table", uuid, "flow_limit")}
		}
		return got
	}
	want := map[string]table{
		"0": {"entry", "[]", "[]"},
		"5": {"theirs", "[ipv6_src, nw_src]", "99"},
		"6": {"mine", "[]", "[]"},
		"9": {"address", "[ipv6_dst, nw_dst, nw_src]", "[]"},
	}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	v.Ofctl("add-flow", "br-int", "table=9,actions=drop")
	if out := v.Ofctl("--names", "dump-flows", "br-int"); !strings.Contains(out, "table=address") {
		t.Errorf("names:\n%s", out)
	}

	written, rows := get(v, "Open_vSwitch", ".", "next_cfg"), get(v, "bridge", "br-int", "flow_tables")
	if err := c.SetFlowTables(ctx, "br-int", tables); err != nil {
		t.Fatal(err)
	}
	if got := get(v, "Open_vSwitch", ".", "next_cfg"); got != written {
		t.Errorf("the same again wrote: next_cfg %s, was %s", got, written)
	}
	if err := c.SetFlowTableNames(ctx, "br-int", map[uint8]string{9: "renamed"}); err != nil {
		t.Fatal(err)
	}
	want["9"] = table{"renamed", "[ipv6_dst, nw_dst, nw_src]", "[]"}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("renamed (-want +got):\n%s", diff)
	}
	if got := get(v, "bridge", "br-int", "flow_tables"); got != rows {
		t.Errorf("rows were replaced: %s, were %s", got, rows)
	}
	many := map[uint8]FlowTable{1: {Prefixes: []string{"nw_src", "nw_dst", "ipv6_src", "ipv6_dst", "tun_src", "tun_dst"}}}
	if err := c.SetFlowTables(ctx, "br-int", many); err == nil || !strings.Contains(err.Error(), "table 1: 6 prefixes") {
		t.Errorf("too many prefixes: %v", err)
	}
	if err := c.SetFlowTables(ctx, "br-none", tables); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such bridge: %v", err)
	}
}

func TestTransactErrors(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	c, ctx := connect(t, v)
	for name, x := range map[string]struct {
		ops      []Operation
		index    int
		op, code string
	}{
		"unknown table":  {[]Operation{Comment("x"), Select("Bidge", nil)}, 1, "select", "syntax error"},
		"unknown column": {[]Operation{Update("Bridge", Row{"colour": Scalar(String("red"))})}, 0, "update", "unknown column"},
		"wrong type":     {[]Operation{Insert("Bridge", "", Row{"name": Scalar(Integer(3))})}, 0, "insert", "syntax error"},
		"commit":         {[]Operation{Insert("Bridge", "b", Row{"name": Scalar(String("x"))}), Insert("Bridge", "c", Row{"name": Scalar(String("x"))}), mutateRoot(Mutation{"bridges", "insert", Set(NamedRef("b"), NamedRef("c"))})}, 3, "commit", "constraint violation"},
		"timed out":      {[]Operation{waitUntilChanged("Bridge", Row{"name": Scalar(String("x"))}, 0), waitUntilChanged("Open_vSwitch", Row{"system_type": Set()}, 0)}, 1, "wait", "timed out"},
	} {
		_, err := c.Transact(ctx, x.ops...)
		var refused *TransactError
		if !errors.As(err, &refused) || refused.Index != x.index || refused.Op != x.op || refused.Code != x.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	schema, err := c.Schema(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range [][2]string{{"Bidge", "name"}, {"Bridge", "colour"}} {
		if _, err := schema.Column(column[0], column[1]); err == nil {
			t.Errorf("the schema has %v", column)
		}
	}
	if _, err := newReplica(schema, map[string][]wanted{"Bridge": {{"name", KindInteger, KindNone}}}); err == nil {
		t.Error("a column of another type was accepted")
	}
}

func TestClientSurvivesTheServer(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	c, ctx := connect(t, v)
	v.KillOVSDB()
	if _, err := c.Transact(ctx, Comment("lost")); err == nil {
		t.Error("a transaction without a server")
	}
	v.StartOVSDB()
	if err := c.EnsureBridge(ctx, BridgeConfig{Name: "br-int", DatapathType: "dummy"}); err != nil {
		t.Error(err)
	}
	c.Close()
	if _, err := c.Transact(ctx, Comment("closed")); err == nil {
		t.Error("a transaction on a closed client")
	}
}

// TestReplicaEqualsTheDatabase makes random changes of sets and maps and
// holds the followed replica against the rows that a select gives.
func TestReplicaEqualsTheDatabase(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.KillVswitchd() // it would take part
	c, ctx := connect(t, v)
	columns := []string{"name", "fail_mode", "protocols", "external_ids", "flood_vlans", "flow_tables", "stp_enable", "netflow"}
	want := map[string][]wanted{"Bridge": {
		{"name", KindString, KindNone}, {"fail_mode", KindString, KindNone}, {"protocols", KindString, KindNone},
		{"external_ids", KindString, KindString}, {"flood_vlans", KindInteger, KindNone}, {"flow_tables", KindInteger, KindUUID},
		{"stp_enable", KindBoolean, KindNone}, {"netflow", KindUUID, KindNone},
	}}
	m, err := startMonitor(ctx, v.DBAddr, probeInterval, want)
	if err != nil {
		t.Fatal(err)
	}
	defer m.session.close(errors.New("test is over"))

	rng := rand.New(rand.NewPCG(1, 2))
	key := func() string { return fmt.Sprintf("k%d", rng.IntN(6)) }
	where := func() Condition { return Named(fmt.Sprintf("b%d", rng.IntN(4))) }
	changes := []func(i int) []Operation{
		func(i int) []Operation {
			return []Operation{Insert("Bridge", "b", Row{"name": Scalar(String(fmt.Sprintf("b%d", i%4))), "external_ids": StringMap(map[string]string{key(): key()})}),
				mutateRoot(Mutation{"bridges", "insert", Scalar(NamedRef("b"))})}
		},
		func(int) []Operation {
			return []Operation{Mutate("Bridge", where(), Mutation{"external_ids", "delete", Strings(key(), key())}, Mutation{"external_ids", "insert", StringMap(map[string]string{key(): key(), key(): key()})})}
		},
		func(int) []Operation {
			return []Operation{Update("Bridge", Row{"external_ids": StringMap(map[string]string{key(): key()}), "stp_enable": Scalar(Atom{kind: KindBoolean, n: int64(rng.IntN(2))})}, where())}
		},
		func(int) []Operation {
			return []Operation{Update("Bridge", Row{"fail_mode": Strings([]string{"secure", "standalone"}[:rng.IntN(2)]...), "protocols": Strings([]string{"OpenFlow10", "OpenFlow13", "OpenFlow15"}[rng.IntN(3):]...)}, where())}
		},
		func(int) []Operation {
			return []Operation{Mutate("Bridge", where(), Mutation{"flood_vlans", "insert", Set(Integer(rng.Int64N(9)), Integer(rng.Int64N(9)))}, Mutation{"flood_vlans", "delete", Scalar(Integer(rng.Int64N(9)))})}
		},
		func(int) []Operation {
			return []Operation{Insert("Flow_Table", "f", Row{}), Update("Bridge", Row{"flow_tables": Map(Integer(rng.Int64N(4)), NamedRef("f"))}, where())}
		},
		func(int) []Operation {
			return []Operation{Insert("NetFlow", "n", Row{"targets": Strings("127.0.0.1:1")}), Update("Bridge", Row{"netflow": Scalar(NamedRef("n"))}, where())}
		},
		func(int) []Operation {
			if rng.IntN(3) > 0 {
				return nil
			}
			rows, err := c.selectRows(ctx, "Bridge", []string{"_uuid"}, where())
			if err != nil || len(rows) == 0 {
				return nil
			}
			return []Operation{mutateRoot(Mutation{"bridges", "delete", Scalar(Ref(rows[0].uuid()))})}
		},
	}
	committed := 0
	for i := range 400 {
		ops := changes[rng.IntN(len(changes))](i)
		if _, err := c.Transact(ctx, ops...); err == nil {
			committed++
		}
	}
	if committed < 300 {
		t.Fatalf("only %d changes were possible", committed)
	}
	rows, err := c.selectRows(ctx, "Bridge", append([]string{"_uuid"}, columns...))
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	db := map[UUID]Row{}
	for _, row := range rows {
		db[row.uuid()] = row
		delete(row, "_uuid")
	}
	var diff string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err := m.session.ended(); err != nil {
			t.Fatal(err)
		}
		m.mu.Lock()
		diff = cmp.Diff(db, m.replica.rows["Bridge"])
		m.mu.Unlock()
		if diff == "" {
			return
		}
	}
	t.Errorf("replica (-database +replica):\n%s", diff)
}
