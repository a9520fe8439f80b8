package ovsdb

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"

	"github.com/ringfence/ringfence/internal/ovstest"
)

func connect(t *testing.T, v *ovstest.OVS) (*Client, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
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

func TestExternalIDs(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br-int")
	v.AddPort("br-int", "p1", 1, "nic-1", "external_ids:keep=me")
	c, ctx := connect(t, v)
	if err := c.SetInterfaceExternalIDs(ctx, map[string]map[string]string{"p1": {"iface-id": "nic-2", "new": "key with \"quotes\" and ü"}}); err != nil {
		t.Fatal(err)
	}
	if got, want := get(v, "interface", "p1", "external_ids"), `{iface-id=nic-2, keep=me, new="key with \"quotes\" and ü"}`; got != want {
		t.Errorf("external_ids %s, want %s", got, want)
	}
	many := map[string]map[string]string{"p1": {"zone": "7"}, "br-int": {"zone": "8"}, "gone": {"zone": "9"}}
	if err := c.SetInterfaceExternalIDs(ctx, many); err != nil {
		t.Fatal(err)
	}
	if p, b := get(v, "interface", "p1", "external_ids"), get(v, "interface", "br-int", "external_ids"); !strings.Contains(p, "zone=\"7\"") || !strings.Contains(p, "keep=me") || b != `{zone="8"}` {
		t.Errorf("external_ids of two interfaces: %s, %s", p, b)
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
	if err := c.SetFlowTables(ctx, "br-int", map[uint8]FlowTable{9: {Name: "renamed"}}); err != nil {
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
		ops      []ovsdb.Operation
		index    int
		op, code string
	}{
		"unknown table":  {[]ovsdb.Operation{comment("x"), selectFrom("Bidge", nil)}, 1, "select", "syntax error"},
		"unknown column": {[]ovsdb.Operation{update("Bridge", anyRow(), ovsdb.Row{"colour": "red"})}, 0, "update", "unknown column"},
		"wrong type":     {[]ovsdb.Operation{insert("Bridge", "b", ovsdb.Row{"name": 3})}, 0, "insert", "syntax error"},
		"commit":         {[]ovsdb.Operation{insert("Bridge", "b", ovsdb.Row{"name": "x"}), insert("Bridge", "c", ovsdb.Row{"name": "x"}), mutateRoot(mutation("bridges", "insert", set(ref("b"), ref("c"))))}, 3, "commit", "constraint violation"},
		"timed out":      {[]ovsdb.Operation{waitUntilChanged("Bridge", ovsdb.Row{"name": "x"}, 0), waitUntilChanged("Open_vSwitch", ovsdb.Row{"system_type": set[string]()}, 0)}, 1, "wait", "timed out"},
	} {
		_, err := c.transact(ctx, x.ops...)
		var refused *TransactError
		if !errors.As(err, &refused) || refused.Index != x.index || refused.Op != x.op || refused.Code != x.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClientSurvivesTheServer(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	c, ctx := connect(t, v)
	v.KillOVSDB()
	if _, err := c.transact(ctx, comment("lost")); err == nil {
		t.Error("a transaction without a server")
	}
	v.StartOVSDB()
	if err := c.EnsureBridge(ctx, BridgeConfig{Name: "br-int", DatapathType: "dummy"}); err != nil {
		t.Error(err)
	}
	c.Close()
	if _, err := c.transact(ctx, comment("closed")); err == nil {
		t.Error("a transaction on a closed client")
	}
}
