package ovsproc

import (
	"strings"
	"testing"
)

// TestChange makes a bridge and ports, in one transaction each, and reads back
// what there is.
func TestChange(t *testing.T) {
	t.Parallel()
	ctx, p := startDummy(t)
	get := func(args ...string) string {
		t.Helper()
		out, err := p.Vsctl(ctx, args...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(out), " ")
	}
	commit := func(c *Change) {
		t.Helper()
		if err := p.Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	made := func() *Change {
		return NewChange().
			AddBridge(Bridge{Name: "br-int", Datapath: "dummy", FailMode: "secure", Protocols: []string{"OpenFlow10", "OpenFlow15"}}).
			AddPort("br-int", Port{Name: "p1", Type: "dummy", OFPort: 7, Tag: 5, ExternalIDs: map[string]string{"iface-id": `a "b", c=d`, "x": "y"}}).
			AddPort("br-int", Port{Name: "p2", Type: "dummy"})
	}
	before := get("get", "Open_vSwitch", ".", "next_cfg")
	commit(made())
	commit(made()) // the same again is no fault
	if after := get("get", "Open_vSwitch", ".", "next_cfg"); before != "0" && after == before {
		t.Errorf("next_cfg %s, then %s", before, after)
	}
	for _, c := range [][2]string{
		{"datapath_type fail_mode protocols", "dummy secure [OpenFlow10, OpenFlow15]"},
	} {
		var got []string
		for column := range strings.FieldsSeq(c[0]) {
			got = append(got, strings.ReplaceAll(get("get", "bridge", "br-int", column), `"`, ""))
		}
		if text := strings.Join(got, " "); text != c[1] {
			t.Errorf("bridge: %s", text)
		}
	}
	if got := get("get", "interface", "p1", "type", "ofport", "external_ids"); got != `dummy 7 {iface-id="a \"b\", c=d", x=y}` {
		t.Errorf("p1: %s", got)
	}
	if got := get("get", "port", "p1", "tag"); got != "5" {
		t.Errorf("tag: %s", got)
	}
	commit(NewChange().DeletePort("br-int", "p1").DeletePort("br-int", "never-there"))
	if got := get("list-ports", "br-int"); got != "p2" {
		t.Errorf("ports: %s", got)
	}
	commit(NewChange()) // nothing
	if err := p.Commit(ctx, NewChange().AddPort("br-none", Port{Name: "p3"})); err == nil || !strings.Contains(err.Error(), "br-none") {
		t.Errorf("a port of no bridge: %v", err)
	}
}
