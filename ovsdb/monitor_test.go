package ovsdb

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ovn-kubernetes/libovsdb/cache"
	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

const (
	uuidB = "00000000-0000-0000-0000-00000000000b"
	uuidP = "00000000-0000-0000-0000-0000000000c1"
	uuidQ = "00000000-0000-0000-0000-0000000000c2"
	uuidI = "00000000-0000-0000-0000-0000000000d1"
	uuidJ = "00000000-0000-0000-0000-0000000000d2"
	uuidK = "00000000-0000-0000-0000-0000000000d3"
)

const snapshot = `{
 "Bridge": {"` + uuidB + `": {"initial": {"name": "br-int", "fail_mode": "secure", "ports": ["uuid", "` + uuidP + `"]}}},
 "Port": {"` + uuidP + `": {"initial": {"name": "bond", "interfaces": ["set", [["uuid", "` + uuidI + `"], ["uuid", "` + uuidJ + `"]]]}}},
 "Interface": {
  "` + uuidI + `": {"initial": {"name": "b", "ofport": 3, "external_ids": ["map", [["iface-id", "nic-1"]]]}},
  "` + uuidJ + `": {"initial": {"name": "a", "ofport": -1, "error": "no such device"}}}}`

// unconnected is a monitor of br-int that is fed by hand.
func unconnected(tb testing.TB) *monitor {
	tb.Helper()
	b, err := os.ReadFile("/usr/share/openvswitch/vswitch.ovsschema")
	if err != nil {
		tb.Fatal(err)
	}
	var schema ovsdb.DatabaseSchema
	if err := json.Unmarshal(b, &schema); err != nil {
		tb.Fatal(err)
	}
	rows, err := model.NewClientDBModel(database, followed())
	if err != nil {
		tb.Fatal(err)
	}
	db, errs := model.NewDatabaseModel(schema, rows)
	if len(errs) > 0 {
		tb.Fatal(errs)
	}
	c, err := cache.NewTableCache(db, nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &monitor{mirror: newMirror("br-int"), cache: c, changed: make(chan struct{}, 1), begun: true}
}

// update3 feeds a notification.
func (m *monitor) update3(updates string) error {
	return m.notify([]json.RawMessage{[]byte(`"ringfence"`), []byte(`"x"`), []byte(updates)})
}

// state is all there is.
func (m *monitor) state() BridgeState {
	for uuid := range m.mirror.interfaces {
		m.mirror.dirty[uuid] = true
	}
	b, now, _ := m.takeChanged()
	s := BridgeState{Bridge: b}
	for _, i := range now {
		s.Interfaces = append(s.Interfaces, i)
	}
	slices.SortFunc(s.Interfaces, func(a, b Interface) int { return strings.Compare(a.Name, b.Name) })
	return s
}

func TestReplica(t *testing.T) {
	t.Parallel()
	m := unconnected(t)
	if err := m.update3(snapshot); err != nil {
		t.Fatal(err)
	}
	want := BridgeState{Bridge: Bridge{Exists: true, UUID: uuidB, FailMode: "secure"}, Interfaces: []Interface{
		{UUID: uuidJ, Name: "a", Port: "bond", Error: "no such device"},
		{UUID: uuidI, Name: "b", Port: "bond", OFPort: 3, IfaceID: "nic-1", ExternalIDs: map[string]string{"iface-id": "nic-1"}},
	}}
	if diff := cmp.Diff(want, m.state()); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
	err := m.update3(`{
	 "Interface": {"` + uuidJ + `": {"modify": {"ofport": ["set", []], "error": ["set", []], "external_ids": ["map", [["iface-id", "nic-2"]]]}}, "` + uuidI + `": {"delete": null}},
	 "Port": {"` + uuidP + `": {"modify": {"interfaces": ["uuid", "` + uuidI + `"]}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	want.Interfaces = []Interface{{UUID: uuidJ, Name: "a", Port: "bond", IfaceID: "nic-2", ExternalIDs: map[string]string{"iface-id": "nic-2"}}}
	if diff := cmp.Diff(want, m.state()); diff != "" {
		t.Errorf("update (-want +got):\n%s", diff)
	}
}

// An interface goes to another port, a port to another bridge, and a bridge is
// made anew, each in one transaction.
func TestReplicaMoves(t *testing.T) {
	t.Parallel()
	const other = "00000000-0000-0000-0000-00000000000e"
	for name, c := range map[string]struct {
		update string
		want   string // interfaces with their ports
	}{
		"interface": {`"Port": {"` + uuidP + `": {"modify": {"interfaces": ["uuid", "` + uuidJ + `"]}}, "` + uuidQ + `": {"modify": {"interfaces": ["uuid", "` + uuidJ + `"]}}}`, "a/q b/bond k/q"},
		"port":      {`"Bridge": {"` + uuidB + `": {"modify": {"ports": ["uuid", "` + uuidP + `"]}}, "` + other + `": {"modify": {"ports": ["uuid", "` + uuidP + `"]}}}`, "k/q"},
		"bridge": {`"Bridge": {"` + uuidB + `": {"delete": null}, "` + uuidI + `": {"insert": {"name": "br-int", "ports": ["uuid", "` + uuidQ + `"]}}},
			"Port": {"` + uuidP + `": {"delete": null}}, "Interface": {"` + uuidI + `": {"delete": null}, "` + uuidJ + `": {"delete": null}}`, "k/q"},
	} {
		for range 20 { // in all orders, which are those of maps
			m := unconnected(t)
			if err := m.update3(snapshot); err != nil {
				t.Fatal(err)
			}
			if err := m.update3(`{"Bridge": {"` + uuidB + `": {"modify": {"ports": ["uuid", "` + uuidQ + `"]}}, "` + other + `": {"insert": {"name": "br-other"}}},
				"Port": {"` + uuidQ + `": {"insert": {"name": "q", "interfaces": ["uuid", "` + uuidK + `"]}}}, "Interface": {"` + uuidK + `": {"insert": {"name": "k"}}}}`); err != nil {
				t.Fatal(err)
			}
			if err := m.update3(`{` + c.update + `}`); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var got []string
			for _, i := range m.state().Interfaces {
				got = append(got, i.Name+"/"+i.Port)
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Fatalf("%s: %s, want %s", name, s, c.want)
			}
		}
	}
}

// What the database cannot say ends the session: something was missed.
func TestReplicaRefuses(t *testing.T) {
	t.Parallel()
	for update, names := range map[string]string{
		`[]`: "cannot unmarshal",
		`{"Port": {"` + uuidI + `": {"modify": {}}}}`:                                                  "does not exist",
		`{"Port": {"` + uuidI + `": {"delete": null}}}`:                                                "does not exist",
		`{"Port": {"` + uuidP + `": {"insert": {"name": "x"}}}}`:                                       "already exists",
		`{"Port": {"` + uuidP + `": {"modify": {"name": 5}}}}`:                                         "Wrong Type",
		`{"Port": {"` + uuidP + `": {"modify": {"name": []}}}}`:                                        "panic",
		`{"Interface": {"` + uuidI + `": {"modify": {"ofport": ["set", [1, 2]]}}}}`:                    "2 elements",
		`{"Interface": {"` + uuidI + `": {"delete": null}}}`:                                           "interface false, of a port true",
		`{"Interface": {"` + uuidK + `": {"insert": {"name": "k"}}}}`:                                  "interface true, of a port false",
		`{"Port": {"` + uuidP + `": {"delete": null}}}`:                                                "false",
		`{"Port": {"` + uuidP + `": {"modify": {"interfaces": ["uuid", "` + uuidK + `"]}}}}`:           "interface false, of a port true",
		`{"Bridge": {"` + uuidB + `": {"modify": {"ports": ["uuid", "` + uuidQ + `"]}}}}`:              "port false, on a bridge true",
		`{"Bridge": {"` + uuidI + `": {"insert": {"name": "x", "ports": ["uuid", "` + uuidQ + `"]}}}}`: "port false, on a bridge true",
	} {
		m := unconnected(t)
		if err := m.update3(snapshot); err != nil {
			t.Fatal(err)
		}
		if err := m.update3(update); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(names)) {
			t.Errorf("%s\n%v does not say %q", update, err, names)
		}
	}
	if err := unconnected(t).notify([]json.RawMessage{[]byte("1")}); err == nil {
		t.Error("a notification of one member")
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, after, gone, come string }{
		{"", "a b", "", "a b"},
		{"a b", "", "a b", ""},
		{"a b c", "a b c", "", ""},
		{"a b c", "c b a", "", ""},
		{"a b c", "c b", "a", ""}, // as the library takes one away
		{"a b", "a b d", "", "d"},
		{"a b c d", "e c b f", "a d", "e f"},
	} {
		gone, come := changes(strings.Fields(c.before), strings.Fields(c.after))
		slices.Sort(gone)
		slices.Sort(come)
		if g, n := strings.Join(gone, " "), strings.Join(come, " "); g != c.gone || n != c.come {
			t.Errorf("%q → %q: gone %q, come %q", c.before, c.after, g, n)
		}
	}
}

// FuzzMonitor applies two updates and reads the bridge.
func FuzzMonitor(f *testing.F) {
	f.Add([]byte(snapshot), []byte(`{"Interface": {"`+uuidJ+`": {"modify": {"ofport": ["set", []]}}}}`))
	f.Add([]byte(snapshot), []byte(`{"Interface": {"`+uuidI+`": {"delete": null}}}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		m := unconnected(t)
		if m.update3(string(first)) != nil || m.update3(string(second)) != nil {
			return
		}
		if s := m.state(); !s.Exists && len(s.Interfaces) > 0 {
			t.Errorf("%+v", s)
		}
	})
}
