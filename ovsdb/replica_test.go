package ovsdb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	uuidB = "00000000-0000-0000-0000-00000000000b"
	uuidP = "00000000-0000-0000-0000-0000000000c1"
	uuidI = "00000000-0000-0000-0000-0000000000d1"
	uuidJ = "00000000-0000-0000-0000-0000000000d2"
)

const snapshot = `{
 "Bridge": {"` + uuidB + `": {"initial": {"name": "br-int", "fail_mode": "secure", "ports": ["uuid", "` + uuidP + `"]}}},
 "Port": {"` + uuidP + `": {"initial": {"name": "bond", "interfaces": ["set", [["uuid", "` + uuidI + `"], ["uuid", "` + uuidJ + `"]]]}}},
 "Interface": {
  "` + uuidI + `": {"initial": {"name": "b", "ofport": 3, "external_ids": ["map", [["iface-id", "nic-1"]]]}},
  "` + uuidJ + `": {"initial": {"name": "a", "ofport": -1, "error": "no such device"}}}}`

func bridgeReplica(t testing.TB) *replica {
	t.Helper()
	r, err := newReplica(installedSchema(t), bridgeColumns)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReplica(t *testing.T) {
	t.Parallel()
	r := bridgeReplica(t)
	state := func() BridgeState {
		t.Helper()
		s, err := bridgeState(r, "br-int")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if err := r.apply([]byte(snapshot)); err != nil {
		t.Fatal(err)
	}
	want := BridgeState{Exists: true, UUID: uuidB, FailMode: "secure", ExternalIDs: map[string]string{}, Interfaces: []Interface{
		{UUID: uuidJ, Name: "a", Port: "bond", Error: "no such device", ExternalIDs: map[string]string{}},
		{UUID: uuidI, Name: "b", Port: "bond", OFPort: 3, IfaceID: "nic-1", ExternalIDs: map[string]string{"iface-id": "nic-1"}},
	}}
	if diff := cmp.Diff(want, state()); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
	err := r.apply([]byte(`{
	 "Interface": {"` + uuidJ + `": {"modify": {"ofport": ["set", []], "error": ["set", []], "external_ids": ["map", [["iface-id", "nic-2"]]]}}, "` + uuidI + `": {"delete": null}},
	 "Port": {"` + uuidP + `": {"modify": {"interfaces": ["uuid", "` + uuidI + `"]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want.Interfaces = []Interface{{UUID: uuidJ, Name: "a", Port: "bond", IfaceID: "nic-2", ExternalIDs: map[string]string{"iface-id": "nic-2"}}}
	if diff := cmp.Diff(want, state()); diff != "" {
		t.Errorf("update (-want +got):\n%s", diff)
	}
}

func TestReplicaRefuses(t *testing.T) {
	t.Parallel()
	for update, names := range map[string]string{
		`[]`:                                "update",
		`{"Mirror": {}}`:                    "table Mirror, which is not monitored",
		`{"Port": {"x": {"delete": null}}}`: `"x" is no UUID`,
		`{"Port": {"` + uuidP + `": {}}}`:   "0 members",
		`{"Port": {"` + uuidP + `": {"delete": null, "insert": {}}}}`:                                                              "2 members",
		`{"Port": {"` + uuidP + `": {"insert": {}}}}`:                                                                              "insert: the row exists: true",
		`{"Port": {"` + uuidI + `": {"modify": {}}}}`:                                                                              "modify: the row exists: false",
		`{"Port": {"` + uuidI + `": {"delete": null}}}`:                                                                            "delete: the row exists: false",
		`{"Port": {"` + uuidP + `": {"replace": {}}}}`:                                                                             `"replace"`,
		`{"Port": {"` + uuidP + `": {"modify": {"tag": 5}}}}`:                                                                      "column tag is not monitored",
		`{"Port": {"` + uuidI + `": {"insert": {"tag": 5}}}}`:                                                                      "column tag is not monitored",
		`{"Port": {"` + uuidP + `": {"modify": {"name": 5}}}}`:                                                                     "column name: 5 is no string",
		`{"Port": {"` + uuidP + `": {"modify": {"interfaces": ["set", [["uuid", "` + uuidI + `"], ["uuid", "` + uuidJ + `"]]]}}}}`: "0 elements after the change",
		`{"Interface": {"` + uuidI + `": {"modify": {"ofport": ["set", [1, 2]]}}}}`:                                                "2 elements after the change",
	} {
		r := bridgeReplica(t)
		if err := r.apply([]byte(snapshot)); err != nil {
			t.Fatal(err)
		}
		if err := r.apply([]byte(update)); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%s\n%v does not say %q", update, err, names)
		}
	}
	r := bridgeReplica(t)
	if err := r.apply([]byte(`{"Bridge": {"` + uuidB + `": {"insert": {"name": "br-int", "ports": ["uuid", "` + uuidP + `"]}}}}`)); err != nil {
		t.Fatal(err)
	}
	if s, err := bridgeState(r, "br-int"); err == nil {
		t.Errorf("a reference to nowhere: %+v", s)
	}
}
